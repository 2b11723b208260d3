from decimal import Decimal

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import migrations, models

from loyalty.stores.tenancy import AppendOnly, IsolateByStore


def told() -> list[tuple[str, models.Field]]:
    return [
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("actor", models.CharField(max_length=254)),
        ("view_as", models.CharField(blank=True, max_length=20)),
        ("action", models.CharField(max_length=60)),
        ("object_type", models.CharField(blank=True, max_length=60)),
        ("object_id", models.CharField(blank=True, max_length=64)),
        ("object_name", models.CharField(blank=True, max_length=255)),
        ("reason", models.CharField(blank=True, max_length=255)),
        ("changes", models.JSONField(default=dict)),
        ("request_id", models.UUIDField()),
        ("address", models.GenericIPAddressField(null=True)),
        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
        (
            "user",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]


def limit() -> models.DecimalField:
    return models.DecimalField(
        blank=True, decimal_places=6, max_digits=20, null=True, validators=[MinValueValidator(Decimal(0))]
    )


class Migration(migrations.Migration):
    dependencies = [("stores", "0005_two_steps")]
    operations = [
        migrations.AddField("store", "adjustment_daily_cap", limit()),
        migrations.AddField("store", "adjustment_approval_above", limit()),
        migrations.CreateModel(name="AccountRecord", fields=told(), options={"abstract": False}),
        migrations.CreateModel(
            name="AuditRecord",
            fields=[
                *told(),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_records",
                        to="stores.store",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["store", "id"], name="stores_audit_newest"),
                    models.Index(fields=["store", "actor", "id"], name="stores_audit_of_person"),
                    models.Index(fields=["store", "action", "id"], name="stores_audit_of_kind"),
                ]
            },
        ),
        IsolateByStore("stores_auditrecord"),
        AppendOnly("stores_auditrecord", "stores_accountrecord"),
    ]
