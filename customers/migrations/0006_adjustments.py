from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_erasure")]
    operations = [
        migrations.AddField(
            "ledgerentry",
            "code",
            models.CharField(
                blank=True,
                choices=[
                    ("goodwill", "Goodwill"),
                    ("correction", "Correction"),
                    ("lost_order", "Order that was not told"),
                    ("migration", "Moved from elsewhere"),
                    ("other", "Other"),
                ],
                db_default="",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            "ledgerentry",
            models.Index(
                condition=models.Q(kind="adjust"),
                fields=["store", "actor", "created_at"],
                name="customers_entry_by_person",
            ),
        ),
    ]
