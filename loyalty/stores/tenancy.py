"""Which stores a transaction may touch, and the row-level security that holds it to them.

`acting_for` is the one place that names the stores; PostgreSQL refuses every other row. The migration
operations below switch the policies on, so a table with a store is fenced from its first migration.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.migrations.operations.base import Operation
from psycopg import sql

APP_ROLE = "loyalty_app"
SWEEP_ROLE = "loyalty_sweep"

# A sub-select, so that PostgreSQL evaluates it once per statement and not per row.
STORE_LIST = "(SELECT string_to_array(NULLIF(current_setting('app.stores', true), ''), ',')::bigint[])::bigint[]"

# By these a request finds its store: whose key, whose membership, whose connection, whose widget or page is this?
# They are open until the transaction names its stores, and then fenced as every other table is.
LOOKUP_TABLES = {
    "stores_apikey", "stores_staffmember", "integrations_connection", "integrations_widget",
    "integrations_widgetorigin",
}  # fmt: skip


def store_list(*store_ids: int) -> str:
    return ",".join(str(int(store_id)) for store_id in store_ids)


@contextmanager
def acting_for(*store_ids: int, durable: bool = False) -> Iterator[None]:
    """Open a transaction (or savepoint) that may touch these stores' rows and no others.

    `durable`: it must be the outermost one, so that it is committed when this ends.
    """
    is_outermost = not connection.in_atomic_block  # then the setting ends with the transaction
    with transaction.atomic(durable=durable), connection.cursor() as cursor:
        if is_outermost:
            act_for(*store_ids)
            yield
            return
        cursor.execute("SELECT current_setting('app.stores', true)")
        before = cursor.fetchone()[0] or ""
        act_for(*store_ids)
        yield
        cursor.execute("SELECT set_config('app.stores', %s, true)", [before])


def act_for(*store_ids: int) -> None:
    """The same for the rest of the transaction that is already open (a request's, under ATOMIC_REQUESTS)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.stores', %s, true)", [store_list(*store_ids)])


@contextmanager
def sweeping() -> Iterator[None]:
    """A transaction that sees which stores have due facts, and nothing else of them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(SWEEP_ROLE)))
        yield
        cursor.execute("RESET ROLE")


class _TableOperation(Operation):
    """SQL on tables that this migration made. `reversible`, since a dropped table takes its policies along."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def deconstruct(self):
        return self.__class__.__name__, list(self.tables), {}

    def state_forwards(self, app_label, state):
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for table in self.tables:
            for statement in self.statements(table):
                schema_editor.execute(statement)

    def statements(self, table: str) -> list[str]:
        raise TypeError("a subclass says which")


class IsolateByStore(_TableOperation):
    """Row-level security, enabled and forced, on tables with a store."""

    inside = f"store_id = ANY ({STORE_LIST})"

    def statements(self, table):
        inside = self.inside
        return [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {table}_of_store ON {table} USING ({inside}) WITH CHECK ({inside})",
        ]


class IsolateOnceNamed(IsolateByStore):
    """The same for LOOKUP_TABLES: no row is hidden as long as no store is named."""

    inside = f"(SELECT NULLIF(current_setting('app.stores', true), '') IS NULL) OR {IsolateByStore.inside}"


class LetSweep(_TableOperation):
    """The sweeper may read which stores have facts due, in every store, and no other column."""

    def statements(self, table):
        return [
            f"CREATE POLICY {table}_due ON {table} FOR SELECT TO {SWEEP_ROLE} USING (due_at IS NOT NULL)",
            f"GRANT SELECT (store_id, due_at, claimed_until) ON {table} TO {SWEEP_ROLE}",
        ]


class AppendOnly(_TableOperation):
    """INSERT and SELECT for the app role; a trigger refuses the rest, whoever asks."""

    def statements(self, table):
        return [
            f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}",
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION loyalty_append_only()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION loyalty_append_only()",
        ]


class StorePrimaryKey(_TableOperation):
    """(store_id, id) in the place of (id): also finds a store's newest rows, so that no second index is written."""

    def statements(self, table):
        return [f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (store_id, id)"]


class StoreForeignKey(Operation):
    """A composite foreign key (store_id, column) -> (store_id, id): no row points across stores."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, column: str, target: str) -> None:
        self.table, self.column, self.target = table, column, target

    def deconstruct(self):
        return self.__class__.__name__, [self.table, self.column, self.target], {}

    def state_forwards(self, app_label, state):
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        name = f"{self.table}_{self.column}_same_store"[:63]
        schema_editor.execute(
            f"CREATE UNIQUE INDEX IF NOT EXISTS {self.target}_by_store ON {self.target} (store_id, id)"
        )
        schema_editor.execute(
            f"ALTER TABLE {self.table} ADD CONSTRAINT {name} FOREIGN KEY (store_id, {self.column})"
            f" REFERENCES {self.target} (store_id, id) DEFERRABLE INITIALLY DEFERRED"
        )
