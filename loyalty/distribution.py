"""What turns the schema into Citus tables that lie together by store, read from the database's own catalogue.

Tables of a store are distributed by `store_id`; what is read before the store is known, and what belongs to no
store, is a copy on every node (a reference table). Citus asks of a distributed table that each unique index and each
foreign key to another one names `store_id`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from loyalty.stores.tenancy import LOOKUP_TABLES

FIRST = "customers_customer"  # the others lie where its rows lie

# Unique across stores, and so on every node: by these a call or a visit finds its store.
GLOBAL_KEYS = {
    "stores_apikey_digest_key": "a call names its key before anything else",
    "integrations_connection_key_key": "a shop's call names its connection and no store",
    "integrations_connection_public_id_key": "in addresses that shops call, which name no store",
    "integrations_widget_key_key": "a shopper's page names its widget and no store",
}

TABLES = """
SELECT relname, EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'store_id'),
       relforcerowsecurity,
       EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal)
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
FOREIGN_KEYS = """
SELECT conrelid::regclass::text, confrelid::regclass::text, conname, pg_get_constraintdef(oid),
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
  FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 3
"""
UNIQUE = """
SELECT indrelid::regclass::text, indexrelid::regclass::text, indisprimary,
       ARRAY(SELECT attname::text FROM pg_attribute
              WHERE attrelid = indrelid AND attnum = ANY (indkey::smallint[]) AND attnum > 0)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = 'public'::regnamespace
 WHERE indisunique ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    table: str
    target: str
    name: str
    definition: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unique:
    table: str
    name: str
    is_primary: bool
    columns: tuple[str, ...]


@dataclass(slots=True)
class Schema:
    distributed: list[str]  # what others point at first
    reference: list[str]
    foreign_keys: list[ForeignKey]
    unique: list[Unique]
    forced: set[str] = field(default_factory=set)
    with_triggers: set[str] = field(default_factory=set)

    def stands(self, key: ForeignKey) -> bool:
        """Whether a foreign key is kept. What Django checks by one column is checked with the store beside it."""
        return key.target in self.reference or "store_id" in key.columns

    @property
    def too_wide(self) -> list[Unique]:
        """Unique indexes of distributed tables that do not name the store."""
        return [one for one in self.unique if one.table in self.distributed and "store_id" not in one.columns]


def read(cursor: Any) -> Schema:
    tables = {name: rest for name, *rest in cursor.execute(TABLES).fetchall()}
    keys = [ForeignKey(a, b, c, d, tuple(columns)) for a, b, c, d, columns in cursor.execute(FOREIGN_KEYS).fetchall()]
    unique = [Unique(a, b, c, tuple(columns)) for a, b, c, columns in cursor.execute(UNIQUE).fetchall()]
    of_a_store = {name for name, (has_store, *_) in tables.items() if has_store} - LOOKUP_TABLES
    linked = {key.table for key in keys} | {key.target for key in keys}
    schema = Schema(
        in_order(of_a_store, keys), in_order((linked | LOOKUP_TABLES) - of_a_store, keys), keys, unique,
        {name for name, (_, is_forced, _) in tables.items() if is_forced},
        {name for name, (*_, has_trigger) in tables.items() if has_trigger},
    )  # fmt: skip
    schema.distributed.remove(FIRST)
    schema.distributed.insert(0, FIRST)  # it points at no other table of a store
    return schema


def in_order(tables: set[str], keys: list[ForeignKey]) -> list[str]:
    """Each after what it points at; by name where that leaves a choice."""
    graph = {
        name: sorted(key.target for key in keys if key.table == name and key.target in tables - {name})
        for name in sorted(tables)
    }
    return list(TopologicalSorter(graph).static_order())


def statements(schema: Schema) -> Iterator[str]:
    """To be run as the owner in one transaction, on a database that has the extension."""
    yield "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
    if schema.with_triggers:
        # The append-only fences look at nothing but the statement they refuse.
        yield "SET LOCAL citus.enable_unsafe_triggers = on"
    for key in schema.foreign_keys:
        yield f"ALTER TABLE {key.table} DROP CONSTRAINT {key.name}"
    for one in schema.too_wide:
        yield replaced(one)
    for table in schema.reference:
        yield f"SELECT create_reference_table('{table}')"
    for table in schema.distributed:
        yield from distribute(table, is_forced=table in schema.forced)
    for key in schema.foreign_keys:
        if schema.stands(key):
            yield f"ALTER TABLE {key.table} ADD CONSTRAINT {key.name} {key.definition}"


def replaced(one: Unique) -> str:
    """(store_id, id) in the place of (id). Nothing else is unique across stores; a test holds that."""
    if not one.is_primary:
        raise ValueError(f"{one.name} of {one.table} is unique across stores, which a distributed table cannot be.")
    columns = ", ".join(("store_id", *one.columns))
    return f"ALTER TABLE {one.table} DROP CONSTRAINT {one.name}, ADD PRIMARY KEY ({columns})"


def distribute(table: str, *, is_forced: bool) -> Iterator[str]:
    """The owner too sees no rows behind a forced policy, and would leave them behind."""
    beside = "none" if table == FIRST else FIRST
    if is_forced:
        yield f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"
    yield f"SELECT create_distributed_table('{table}', 'store_id', colocate_with => '{beside}')"
    if is_forced:
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
