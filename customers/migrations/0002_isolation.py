from django.db import migrations

from loyalty.stores.tenancy import AppendOnly, IsolateByStore, LetSweep, StoreForeignKey, StorePrimaryKey


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial"), ("stores", "0002_isolation")]
    operations = [
        IsolateByStore(
            "customers_customer",
            "customers_customeralias",
            "customers_wallet",
            "customers_ledgerentry",
            "customers_event",
            "customers_ordernotice",
        ),
        LetSweep("customers_ordernotice"),
        AppendOnly("customers_ledgerentry", "customers_event"),
        StorePrimaryKey("customers_ledgerentry"),
        StoreForeignKey("customers_customeralias", "customer_id", "customers_customer"),
        StoreForeignKey("customers_wallet", "customer_id", "customers_customer"),
        # An entry's event is of the entry's customer, whom the entry's key has checked: only others are looked up.
        migrations.RunSQL(
            "ALTER TABLE customers_event ADD COLUMN entryless_customer_id bigint"
            " GENERATED ALWAYS AS (CASE WHEN entry_id IS NULL THEN customer_id END) STORED",
            "ALTER TABLE customers_event DROP COLUMN entryless_customer_id",
        ),
        StoreForeignKey("customers_event", "entryless_customer_id", "customers_customer"),
        StoreForeignKey("customers_ordernotice", "customer_id", "customers_customer"),
        migrations.RunSQL(
            [
                "CREATE UNIQUE INDEX customers_wallet_of_customer ON customers_wallet (store_id, customer_id, id)",
                "ALTER TABLE customers_ledgerentry ADD CONSTRAINT customers_ledgerentry_wallet_same_store"
                " FOREIGN KEY (store_id, customer_id, wallet_id)"
                " REFERENCES customers_wallet (store_id, customer_id, id)",
            ],
            [
                "ALTER TABLE customers_ledgerentry DROP CONSTRAINT customers_ledgerentry_wallet_same_store",
                "DROP INDEX customers_wallet_of_customer",
            ],
        ),
        # Wallets are updated for every entry: room on the page keeps those updates HOT.
        migrations.RunSQL("ALTER TABLE customers_wallet SET (fillfactor = 70)", migrations.RunSQL.noop),
    ]
