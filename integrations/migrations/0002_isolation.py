from django.db import migrations

from loyalty.stores.tenancy import IsolateByStore, LetSweep, StoreForeignKey


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial"), ("stores", "0002_isolation")]
    operations = [
        IsolateByStore("integrations_inboundevent", "integrations_eventschema"),
        LetSweep("integrations_inboundevent"),
        StoreForeignKey("integrations_inboundevent", "connection_id", "integrations_connection"),
    ]
