import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from loyalty.stores.tenancy import IsolateByStore


class Migration(migrations.Migration):
    dependencies = [("integrations", "0005_widget"), ("stores", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="FulfilmentSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed_secret", models.BinaryField(editable=False)),
                ("sealed_old_secret", models.BinaryField(editable=False, null=True)),
                ("old_secret_until", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "store",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fulfilment_secret",
                        to="stores.store",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        IsolateByStore("integrations_fulfilmentsecret"),
    ]
