from django.db import migrations

from loyalty.stores.tenancy import IsolateByStore

APPEND_ONLY = """
CREATE FUNCTION loyalty_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("stores", "0001_initial")]
    operations = [
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION loyalty_append_only()"),
        IsolateByStore("stores_idempotencyrecord"),
    ]
