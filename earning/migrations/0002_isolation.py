from django.db import migrations

from loyalty.stores.tenancy import IsolateByStore, LetSweep, StoreForeignKey, StorePrimaryKey


class Migration(migrations.Migration):
    dependencies = [("earning", "0001_initial"), ("customers", "0002_isolation")]
    operations = [
        IsolateByStore(
            "earning_earningrule",
            "earning_earningruleversion",
            "earning_order",
            "earning_orderfact",
            "earning_activity",
        ),
        LetSweep("earning_orderfact", "earning_activity"),
        StorePrimaryKey("earning_activity"),
        StoreForeignKey("earning_earningruleversion", "rule_id", "earning_earningrule"),
        StoreForeignKey("earning_order", "customer_id", "customers_customer"),
        StoreForeignKey("earning_activity", "customer_id", "customers_customer"),
        StoreForeignKey("earning_activity", "order_id", "earning_order"),
        StoreForeignKey("earning_activity", "asked_rule_id", "earning_earningrule"),
        # Claiming a fact updates no indexed column: room on the page keeps that HOT.
        migrations.RunSQL("ALTER TABLE earning_activity SET (fillfactor = 50)", migrations.RunSQL.noop),
    ]
