import django.db.models.deletion
from django.db import migrations, models

from loyalty.stores.tenancy import IsolateByStore


class Migration(migrations.Migration):
    dependencies = [
        ("stores", "0003_privacy_scope"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoreKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField()),
                ("wrapped", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="stores.store"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("store", "version"), name="stores_storekey_version")],
            },
        ),
        IsolateByStore("stores_storekey"),
    ]
