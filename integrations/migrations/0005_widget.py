import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import integrations.widget.models
from loyalty.stores.tenancy import IsolateByStore, StoreForeignKey


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_resolution"),
        ("integrations", "0004_stuck_calls"),
        ("stores", "0002_isolation"),
    ]

    operations = [
        migrations.CreateModel(
            name="Widget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        default=integrations.widget.models.new_key, editable=False, max_length=64, unique=True
                    ),
                ),
                ("is_enabled", models.BooleanField(default=True, verbose_name="Show the widget")),
                ("look", models.JSONField(default=integrations.widget.models.default_look)),
                ("texts", models.JSONField(default=dict)),
                ("hidden_sections", models.JSONField(default=list)),
                (
                    "birthday_order",
                    models.CharField(
                        choices=[("dmy", "Day, month, year"), ("mdy", "Month, day, year")], default="dmy", max_length=3
                    ),
                ),
                ("login_url", models.CharField(blank=True, max_length=500)),
                ("register_url", models.CharField(blank=True, max_length=500)),
                (
                    "legacy",
                    models.CharField(
                        choices=[
                            ("off", "Refused: the shopper is a guest"),
                            ("read_only", "May look: balance, rewards and history"),
                            ("redeem", "May look and take rewards, a few a day"),
                        ],
                        default="read_only",
                        max_length=10,
                    ),
                ),
                (
                    "legacy_daily",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "store",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="widget", to="stores.store"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WidgetAllowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("used", models.PositiveSmallIntegerField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="stores.store"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("store", "customer", "day"), name="integrations_widgetallowance_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WidgetFault",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("reason", models.CharField(max_length=20)),
                ("count", models.PositiveIntegerField()),
                ("last_at", models.DateTimeField()),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="widget_faults",
                        to="stores.store",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("store", "day", "reason"), name="integrations_widgetfault_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="WidgetOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=260)),
                (
                    "challenge",
                    models.CharField(default=integrations.widget.models.new_challenge, editable=False, max_length=40),
                ),
                ("verified_at", models.DateTimeField(null=True)),
                ("verified_by", models.CharField(blank=True, max_length=10)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="widget_origins", to="stores.store"
                    ),
                ),
            ],
            options={
                "ordering": ["origin"],
                "indexes": [models.Index(models.F("origin"), name="integrations_widgetorigin_of")],
                "constraints": [
                    models.UniqueConstraint(fields=("store", "origin"), name="integrations_widgetorigin_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="WidgetSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "store",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="widget_secrets", to="stores.store"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("store", "number"), name="integrations_widgetsecret_number")
                ],
            },
        ),
        # Widgets and origins are read before the store is known: whose key, whose page is this?
        IsolateByStore("integrations_widgetsecret", "integrations_widgetfault", "integrations_widgetallowance"),
        StoreForeignKey("integrations_widgetallowance", "customer_id", "customers_customer"),
    ]
