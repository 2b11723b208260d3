"""The schema can be distributed by store. Citus itself is not here: its two functions are stand-ins that do nothing."""

import io

import psycopg
import pytest
from django.core.management import CommandError, call_command

from conftest import Owner
from loyalty import distribution
from loyalty.stores.tenancy import LOOKUP_TABLES

STAND_INS = (
    "CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS ''",
    "CREATE FUNCTION create_distributed_table(regclass, text, colocate_with text) RETURNS void LANGUAGE sql AS ''",
)


@pytest.fixture
def cursor(django_db_setup):
    """The owner's, in a transaction that is undone."""
    with psycopg.connect(**Owner.dsn) as owning:
        yield owning.cursor()
        owning.rollback()


@pytest.fixture
def schema(cursor):
    return distribution.read(cursor)


def test_every_table_with_a_store_is_distributed_or_says_why_not(cursor, schema):
    rows = cursor.execute("SELECT DISTINCT table_name FROM information_schema.columns"
                          " WHERE column_name = 'store_id' AND table_schema = 'public'")  # fmt: skip
    with_store = {name for (name,) in rows}
    assert set(schema.distributed) == with_store - LOOKUP_TABLES
    assert with_store <= set(schema.distributed) | set(schema.reference)


def test_every_unique_index_of_a_store_carries_it_but_for_plain_keys(schema):
    """`id` stays Django's key; distributed, it is (store_id, id). Whatever else is unique across stores is named."""
    assert [one for one in schema.too_wide if not (one.is_primary and one.columns == ("id",))] == []
    across = {
        one.name for one in schema.unique
        if one.table in LOOKUP_TABLES and not one.is_primary and "store_id" not in one.columns
    }  # fmt: skip
    assert across == set(distribution.GLOBAL_KEYS)


def test_every_foreign_key_between_tables_of_stores_carries_the_store_or_has_one_beside_it_that_does(schema):
    between = [key for key in schema.foreign_keys if {key.table, key.target} <= set(schema.distributed)]
    whole = [key for key in between if "store_id" in key.columns]
    assert len(whole) > 20
    alone = [
        key for key in between
        if key not in whole
        and not any((one.table, one.target) == (key.table, key.target) and set(key.columns) < set(one.columns)
                    for one in whole)
    ]  # fmt: skip
    assert alone == []


def test_no_copied_table_points_at_a_distributed_one(schema):
    """Citus refuses that."""
    assert [
        key for key in schema.foreign_keys if key.table in schema.reference and key.target in schema.distributed
    ] == []


def test_the_statements_run_and_leave_only_keys_with_the_store(cursor, schema):
    for statement in (*STAND_INS, *distribution.statements(schema)):
        cursor.execute(statement)
    after = distribution.read(cursor)
    assert after.too_wide == []
    assert [key for key in after.foreign_keys if not after.stands(key)] == []
    assert after.forced == schema.forced
    assert {key.name for key in after.foreign_keys} == {key.name for key in schema.foreign_keys if schema.stands(key)}


def test_tables_come_after_those_they_point_at(schema):
    place = {name: number for number, name in enumerate([*schema.reference, *schema.distributed])}
    late = [key for key in schema.foreign_keys if key.target != key.table and place[key.target] > place[key.table]]
    assert late == []


def test_the_command_prints_and_changes_nothing(cursor, schema):
    out = io.StringIO()
    call_command("distribute", stdout=out)
    printed = out.getvalue().split(";\n")
    assert (printed[0], printed[-2]) == ("BEGIN", "COMMIT")
    assert "SELECT create_distributed_table('customers_customer', 'store_id', colocate_with => 'none')" in printed
    assert distribution.read(cursor).too_wide == schema.too_wide != []


def test_without_citus_nothing_is_applied(cursor, schema):
    with pytest.raises(CommandError, match="no Citus"):
        call_command("distribute", "--apply")
    assert distribution.read(cursor).too_wide == schema.too_wide
