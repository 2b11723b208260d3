from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("stores", "0006_audit")]
    operations = [migrations.AddIndex("store", models.Index(Upper("domain"), name="stores_store_domain"))]
