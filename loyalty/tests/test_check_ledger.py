"""Each planted break is found by the invariant that should find it. Planting needs the owner's rights."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from conftest import Owner, make_customer, open_store
from customers import ledger
from customers.ledger import Settlement
from spending import redemptions, rewarding
from spending.models import CouponCode, CouponImport


@pytest.fixture
def books(transactional_db):
    store = open_store("acme")
    first, second = make_customer(store, "c1"), make_customer(store, "c2")
    for number in range(3):
        ledger.settle(store, [Settlement(c.pk, f"x:{number}", points=Decimal(10)) for c in (first, second)])
    return store


@pytest.fixture
def taken(books):
    """Codes of a list: one issued, one cancelled, one used, one free. And one of ours, without a list."""
    customer = books.customers.first()
    ledger.settle(books, [Settlement(customer.pk, "more", points=Decimal(100))])
    five_off = {"actor": "test", "name": "5 off", "points": Decimal(10), "settings": {"value": "5"}}
    reward = rewarding.create(books, "fixed_amount", code_source="pool", **five_off)
    batch = CouponImport.objects.create(
        store=books, pool=reward.pool, state="done", file_name="codes.csv", digest=b"", due_at=None
    )
    CouponCode.objects.bulk_create(
        [CouponCode(store=books, pool=reward.pool, coupon_import=batch, code=f"C{n}") for n in range(1, 5)]
    )
    _, cancelled, used = [redemptions.redeem(books, customer, reward) for _ in range(3)]
    redemptions.cancel(books, cancelled, reason="By mistake", actor="test")
    redemptions.hand_over(books, used)
    redemptions.redeem(books, customer, rewarding.create(books, "fixed_amount", code_source="generated", **five_off))
    return books


@pytest.fixture
def plant(books):
    """Run SQL as the tables' owner, with the fences and policies down."""
    fenced = (
        "customers_ledgerentry", "customers_event", "customers_wallet", "spending_redemption", "spending_couponcode",
    )  # fmt: skip

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


def test_sound_redemptions_pass(taken):
    report = check()
    assert "All invariants hold." in report
    assert "L8   ok                  4 rows" in report and "L9   ok                  4 rows" in report


SPENDING_BREAKS = [
    # L8: a debit of another size, of another kind, twice, not at all, without a redemption.
    ("UPDATE spending_redemption SET points = 9 WHERE id = 1", "L8"),
    ("UPDATE customers_ledgerentry SET kind = 'adjust' WHERE source = 'redemption:1'", "L8"),
    ("UPDATE customers_ledgerentry SET source = 'redemption:1', revision = 2 WHERE source = 'redemption:4'", "L8"),
    ("UPDATE customers_ledgerentry SET source = 'redemption:77' WHERE source = 'redemption:1'", "L8"),
    ("UPDATE spending_redemption SET customer_id = 2 WHERE id = 1", "L8"),
    # L8: a code that is issued twice, free although issued, issued to nobody, another than in its list, none.
    ("UPDATE spending_redemption SET coupon_id = 4 WHERE id = 3", "L8"),
    ("UPDATE spending_couponcode SET state = 'free' WHERE id = 1", "L8"),
    ("UPDATE spending_couponcode SET state = 'issued' WHERE code = 'C4'", "L8"),
    ("UPDATE spending_redemption SET code = 'OTHER' WHERE id = 1", "L8"),
    ("UPDATE spending_redemption SET code = '' WHERE id = 1", "L8"),
    ("UPDATE spending_redemption SET coupon_id = NULL WHERE id = 1", "L8"),
    ("UPDATE spending_redemption SET code = '' WHERE id = 4", "L8"),
    # L9: points that were not given back, or more than once; a code that may be handed out again.
    ("DELETE FROM customers_ledgerentry WHERE source = 'redemption:2' AND revision = 2", "L9"),
    ("UPDATE spending_redemption SET state = 'cancelled' WHERE id = 1", "L9"),
    ("UPDATE customers_ledgerentry SET points = 11 WHERE source = 'redemption:2' AND revision = 2", "L9"),
    ("UPDATE spending_couponcode SET state = 'issued' WHERE id = 2", "L9"),
    # L12: a code of an import that there is not.
    ("UPDATE spending_couponcode SET coupon_import_id = 99 WHERE code = 'C4'", "L12"),
    # L5: the shop makes its code for ever. L15: nobody is told.
    ("UPDATE spending_redemption SET state = 'pending', issued_at = now() - interval '1 hour' WHERE id = 4", "L5"),
    ("DELETE FROM customers_event WHERE topic = 'redemption.used'", "L15"),
    ("DELETE FROM customers_event WHERE topic = 'reward.redeemed' AND data->>'points' = '10'", "L15"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "found_by"), SPENDING_BREAKS)
def test_a_planted_break_of_a_redemption_is_found(taken, plant, statement, found_by):
    plant(statement)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out)
    assert found_by in [line.split()[0] for line in out.getvalue().splitlines() if "BROKEN" in line]
