from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("spending", "0002_isolation")]

    operations = [
        migrations.AddIndex("redemption", models.Index("store", "id", name="spending_redemption_newest")),
    ]
