import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from loyalty.stores.tenancy import AppendOnly, IsolateByStore, StoreForeignKey


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_isolation"), ("stores", "0002_isolation")]
    operations = [
        migrations.CreateModel(
            name="Resolution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("choice", models.CharField(max_length=40)),
                ("actor", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resolutions",
                        to="customers.event",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resolutions",
                        to="stores.store",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("store", "event"), name="customers_resolution_one_each")
                ],
            },
        ),
        IsolateByStore("customers_resolution"),
        AppendOnly("customers_resolution"),
        StoreForeignKey("customers_resolution", "event_id", "customers_event"),
    ]
