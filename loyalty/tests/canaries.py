"""Looking for what must be nowhere: in every row of every table and in every key of the broker."""

from django.db import connection

from loyalty.stores import broker


def contents() -> dict[str, str]:
    """Every row of every table as text."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT string_agg(row::text, chr(10)) FROM "{table}" AS row')
            found[table] = (cursor.fetchone()[0] or "").lower()
    return found


def in_broker() -> bytes:
    """All keys and what they hold."""
    return b"\n".join(bytes(key) + (broker.client.dump(key) or b"") for key in broker.client.scan_iter()).lower()
