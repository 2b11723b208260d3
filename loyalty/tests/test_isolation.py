"""The second wall: PostgreSQL itself refuses rows of a store that the transaction was not opened for."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from conftest import make_customer
from customers.models import Customer
from loyalty.stores.models import ApiKey, StaffMember
from loyalty.stores.tenancy import LOOKUP_TABLES, acting_for, sweeping


def fetch(statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_every_table_with_a_store_is_fenced(db):
    tables = fetch(
        "SELECT relname, relrowsecurity, relforcerowsecurity,"
        "       (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)"
        "  FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'store_id' AND NOT attisdropped"
        " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    names = {name for name, *_ in tables}
    assert {"customers_ledgerentry", "earning_activity", "integrations_inboundevent"} <= names
    unfenced = {name for name, enabled, forced, policies in tables if not (enabled and forced and policies)}
    assert unfenced == set()


def test_only_what_finds_a_store_is_open_until_one_is_named(db):
    open_before = fetch(
        "SELECT tablename FROM pg_policies WHERE qual LIKE '%IS NULL%' AND policyname LIKE '%_of_store'"
    )
    assert {table for (table,) in open_before} == LOOKUP_TABLES
    assert fetch("SELECT policyname FROM pg_policies WHERE policyname LIKE '%_of_store' AND qual <> with_check") == []


def test_what_finds_a_store_is_fenced_once_one_is_named(store, other_store, owner, stranger):
    ApiKey.issue(store, "ours"), ApiKey.issue(other_store, "theirs")
    with acting_for():
        assert StaffMember.objects.count() == ApiKey.objects.count() == 2
    with acting_for(store.pk):
        assert [member.user for member in StaffMember.objects.all()] == [owner]
        assert ApiKey.objects.get().name == "ours"
        assert ApiKey.objects.filter(store=other_store).update(revoked_at=timezone.now()) == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            StaffMember.objects.create(store=other_store, user=owner, role="owner")


def test_the_app_role_neither_owns_nor_bypasses_anything(db):
    assert fetch(
        "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    ) == [("loyalty_app", False, False, False)]
    assert fetch("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole") == [(0,)]


def test_foreign_keys_between_tenant_tables_carry_the_store(db):
    """Django's own single-column keys may stand beside them; a tenant table without a composite one may not."""
    loose = fetch(
        """
        SELECT key.conrelid::regclass::text, key.confrelid::regclass::text FROM pg_constraint AS key
         WHERE key.contype = 'f'
           AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = key.conrelid AND attname = 'store_id')
           AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = key.confrelid AND attname = 'store_id')
           AND array_length(key.conkey, 1) = 1
           AND NOT EXISTS (SELECT FROM pg_constraint AS whole WHERE whole.contype = 'f'
               AND whole.conrelid = key.conrelid AND whole.confrelid = key.confrelid
               AND key.conkey <@ whole.conkey AND array_length(whole.conkey, 1) > 1)
        """
    )
    assert loose == []


def test_without_a_store_nothing_is_seen(store, customer):
    with acting_for():
        assert list(Customer.objects.all()) == []
    assert list(Customer.objects.all()) == [customer]


def test_another_stores_rows_are_neither_seen_changed_nor_made(store, other_store, customer):
    theirs = make_customer(other_store, "x1")
    with acting_for(store.pk):
        assert list(Customer.objects.all()) == [customer]
        assert Customer.objects.filter(pk=theirs.pk).update(first_name="Eve") == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Customer.objects.create(store=other_store, external_id="planted")
    theirs.refresh_from_db()
    assert theirs.first_name == ""


def test_the_stores_before_return_after_a_nested_visit(store, other_store, customer):
    with acting_for(store.pk):
        with acting_for(other_store.pk):
            assert list(Customer.objects.all()) == []
        assert list(Customer.objects.all()) == [customer]


def test_the_sweeper_sees_which_stores_are_due_and_nothing_else(store, customer):
    with sweeping():
        assert fetch("SELECT count(store_id) FROM earning_activity") == [(0,)]
        for statement in ("SELECT id FROM earning_activity", "SELECT * FROM customers_customer"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                fetch(statement)
