"""Each planted break is found by the invariant that should find it. Planting needs the owner's rights."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from conftest import Owner, make_customer, open_store
from customers import ledger
from customers.ledger import Settlement


@pytest.fixture
def books(transactional_db):
    store = open_store("acme")
    first, second = make_customer(store, "c1"), make_customer(store, "c2")
    for number in range(3):
        ledger.settle(store, [Settlement(c.pk, f"x:{number}", points=Decimal(10)) for c in (first, second)])
    return store


@pytest.fixture
def plant(books):
    """Run SQL as the tables' owner, with the fences and policies down."""
    fenced = ("customers_ledgerentry", "customers_event", "customers_wallet")

    def run(statement: str) -> None:
        Owner.run(
            *[f"ALTER TABLE {table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY" for table in fenced],
            statement,
            *[f"ALTER TABLE {table} ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY" for table in fenced],
        )

    return run


def check() -> str:
    out = StringIO()
    call_command("check_ledger", stdout=out, skip_checks=False)  # as from the command line
    return out.getvalue()


def test_sound_books_pass(books):
    report = check()
    assert "All invariants hold." in report and "BROKEN" not in report
    assert "L1   ok                  2 rows" in report


@pytest.mark.parametrize(
    ("statement", "found_by"),
    [
        ("UPDATE customers_wallet SET balance = balance + 1 WHERE id = (SELECT min(id) FROM customers_wallet)", "L1"),
        ("UPDATE customers_ledgerentry SET points = 11 WHERE seq = 2", "L10"),
        ("DELETE FROM customers_ledgerentry WHERE seq = 1", "L10"),
        ("UPDATE customers_ledgerentry SET balance_after = 5 WHERE seq = 3", "L10"),
        ("DELETE FROM customers_event WHERE id = (SELECT max(id) FROM customers_event)", "L15"),
        ("UPDATE customers_event SET customer_id = (SELECT min(id) FROM customers_customer)", "L15"),
        ("GRANT UPDATE ON customers_ledgerentry TO loyalty_app", "L2"),
    ],
)
def test_a_planted_break_is_found(books, plant, statement, found_by):
    plant(statement)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out, skip_checks=False)  # as from the command line
    plant("REVOKE UPDATE ON customers_ledgerentry FROM loyalty_app")
    broken = [line.split()[0] for line in out.getvalue().splitlines() if "BROKEN" in line]
    assert found_by in broken
