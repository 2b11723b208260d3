from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stores", "0004_store_keys")]
    operations = [
        migrations.AddField(
            model_name="store",
            name="needs_two_steps",
            field=models.BooleanField(default=False),
        ),
    ]
