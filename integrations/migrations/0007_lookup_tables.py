from django.db import migrations

from loyalty.stores.tenancy import IsolateOnceNamed


class Migration(migrations.Migration):
    """By these a request finds its store, so they stay open until it has."""

    dependencies = [("integrations", "0006_fulfilment"), ("stores", "0002_isolation")]
    operations = [
        IsolateOnceNamed("stores_apikey", "stores_staffmember"),
        IsolateOnceNamed("integrations_connection", "integrations_widget", "integrations_widgetorigin"),
    ]
