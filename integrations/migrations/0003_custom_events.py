import django.db.models.deletion
import django.utils.timezone
import uuid_utils.compat
from django.db import migrations, models

import integrations.exact_json
from loyalty.stores.tenancy import IsolateByStore, StoreForeignKey


def name_tokens(apps, schema_editor):
    for token in apps.get_model("integrations", "ConnectionToken").objects.filter(public_id=None):
        token.public_id = uuid_utils.compat.uuid7()
        token.save(update_fields=["public_id"])


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_isolation"), ("integrations", "0002_isolation")]

    operations = [
        migrations.AddField("connectiontoken", "public_id", models.UUIDField(null=True, editable=False)),
        migrations.RunPython(name_tokens, migrations.RunPython.noop),
        migrations.AlterField(
            "connectiontoken",
            "public_id",
            models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True),
        ),
        migrations.AlterField(
            "connectiontoken",
            "connection",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tokens",
                to="integrations.connection",
            ),
        ),
        migrations.CreateModel(
            name="CustomEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False)),
                ("external_id", models.CharField(max_length=255, null=True)),
                ("customer_data", models.JSONField(default=dict)),
                (
                    "body",
                    models.JSONField(
                        decoder=integrations.exact_json.Decoder, default=dict, encoder=integrations.exact_json.Encoder
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="custom_events",
                        to="customers.customer",
                    ),
                ),
                (
                    "schema",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="integrations.eventschema",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="custom_events",
                        to="stores.store",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("store", "public_id"), name="integrations_customevent_public"),
                    models.UniqueConstraint(fields=("store", "external_id"), name="integrations_customevent_once"),
                ],
                "indexes": [
                    models.Index(models.F("store"), models.F("id"), name="integrations_customevent_new"),
                    models.Index(
                        models.F("store"), models.F("customer"), models.F("id"), name="integrations_customevent_who"
                    ),
                ],
            },
        ),
        IsolateByStore("integrations_customevent"),
        StoreForeignKey("integrations_customevent", "customer_id", "customers_customer"),
        StoreForeignKey("integrations_customevent", "schema_id", "integrations_eventschema"),
    ]
