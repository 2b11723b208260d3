from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from conftest import balance, make_customer
from customers import ledger
from customers.ledger import InsufficientPoints, Kind, Settlement
from customers.models import Event, LedgerEntry


def settle(store, customer, source, points=0, pending=0, kind=Kind.EARN):
    return ledger.settle(store, [Settlement(customer.pk, source, kind, Decimal(points), Decimal(pending))])


def test_a_source_is_made_worth_what_is_asked(store, customer):
    settle(store, customer, "activity:1", pending=100)
    settle(store, customer, "activity:1", points=100)
    settle(store, customer, "activity:1", points=60)
    wallet = customer.wallets.get()
    assert (wallet.balance, wallet.pending, wallet.earned, wallet.last_seq) == (60, 0, 60, 3)
    moved = list(store.entries.order_by("seq").values_list("points", "pending", "balance_after", "revision"))
    assert moved == [(0, 100, 0, 1), (100, -100, 100, 2), (-40, 0, 60, 3)]


def test_settling_again_posts_nothing(store, customer):
    settle(store, customer, "activity:1", points=100)
    assert settle(store, customer, "activity:1", points=100) == []
    assert store.entries.count() == 1


def test_one_set_serves_many_customers_and_sources(store, customer):
    other = make_customer(store, "c2")
    ledger.settle(
        store,
        [
            Settlement(customer.pk, "activity:1", points=Decimal(10)),
            Settlement(other.pk, "activity:2", points=Decimal(20)),
            Settlement(customer.pk, "activity:3", points=Decimal(5)),
        ],
    )
    assert (balance(customer), balance(other)) == (15, 20)


def test_each_entry_has_one_event(store, customer):
    settle(store, customer, "activity:1", points=100)
    settle(store, customer, "activity:1")
    assert Event.objects.filter(entry__in=store.entries.all()).count() == store.entries.count() == 2


@pytest.mark.parametrize("kind", [Kind.REDEEM, Kind.ADJUST, Kind.EXPIRE, Kind.HOLD])
def test_only_a_corrected_earn_overdraws(store, customer, kind):
    settle(store, customer, "activity:1", points=30)
    with pytest.raises(InsufficientPoints):
        settle(store, customer, "x:1", points=-31, kind=kind)
    assert balance(customer) == 30


def test_a_refund_after_spending_leaves_a_debt(store, customer):
    settle(store, customer, "activity:1", points=30)
    settle(store, customer, "redemption:1", points=-30, kind=Kind.REDEEM)
    settle(store, customer, "activity:1")
    assert balance(customer) == -30


def test_a_store_may_write_the_debt_off(store, customer):
    store.negative_balance = "write_off"
    settle(store, customer, "activity:1", points=30)
    settle(store, customer, "redemption:1", points=-20, kind=Kind.REDEEM)
    settle(store, customer, "activity:1")
    assert balance(customer) == 0
    assert store.entries.get(kind=Kind.WRITE_OFF).points == 20
    assert settle(store, customer, "activity:1") == []


def test_what_was_written_off_is_not_given_twice(store, customer):
    store.negative_balance = "write_off"
    settle(store, customer, "activity:1", points=30)
    settle(store, customer, "redemption:1", points=-20, kind=Kind.REDEEM)
    settle(store, customer, "activity:1")
    settle(store, customer, "activity:1", points=15)
    assert balance(customer) == 0
    settle(store, customer, "activity:1", points=30)
    assert balance(customer) == 10
    assert [entry.points for entry in store.entries.filter(kind=Kind.WRITE_OFF).order_by("seq")] == [20, -15, -5]


def test_a_store_may_ask_for_a_review(store, customer):
    store.negative_balance = "review"
    settle(store, customer, "activity:1", points=30)
    settle(store, customer, "redemption:1", points=-20, kind=Kind.REDEEM)
    settle(store, customer, "activity:1")
    assert balance(customer) == -20
    assert store.events.get(topic="attention").data["what"] == "negative_balance"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customers_ledgerentry SET points = 1",
        "DELETE FROM customers_ledgerentry",
        "TRUNCATE customers_ledgerentry CASCADE",
    ],
)
def test_the_app_role_cannot_change_the_ledger(store, customer, statement):
    settle(store, customer, "activity:1", points=30)
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_refuses_an_overdraft_even_from_sql(store, customer):
    settle(store, customer, "activity:1", points=30)
    wallet = customer.wallets.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(
            store=store, wallet=wallet, customer=customer, seq=2, kind=Kind.REDEEM, points=-40, balance_after=-10,
            source="x", effective_at=wallet.customer.created_at,
        )  # fmt: skip


def test_fractions_of_points_are_exact(store, customer):
    for number in range(10):
        settle(store, customer, f"activity:{number}", points="0.1")
    assert balance(customer) == Decimal(1)
