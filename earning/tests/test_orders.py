"""Money stories: an order's points follow from the set of its facts, whatever the order of arrival."""

import itertools

import pytest
from django.utils import timezone

from conftest import balance
from customers.identities import Identity
from earning import activities, orders
from earning.activities import NewActivity
from earning.models import Order, OrderFact


def body(status="completed", total="39.99", **fields):
    customer = {"external_id": "c1", "email": "james@shop.example", "is_registered": True}
    return {
        "status": status, "total": total, "subtotal": total, "tax": "0", "shipping": "0", "discount": "0",
        "customer": customer,
    } | fields  # fmt: skip


def tell(store, kind="status", identity="1", data=None, order="o1"):
    return orders.record_fact(store, order, kind, identity=identity, data=body() if data is None else data)


@pytest.fixture
def purchase(store, add_rule):
    return add_rule(store, "purchase", 1, name="Purchase")


def test_an_order_pays_by_its_amount_rounded_down(store, customer, purchase, work):
    tell(store)
    work(store)
    assert balance(customer) == 39


def test_shipping_and_tax_count_only_if_chosen(store, customer, add_rule, work):
    add_rule(store, "purchase", 1, settings={"count_tax": True, "count_shipping": True, "after_discounts": True})
    tell(store, data=body(total="64.90", subtotal="55.00", tax="4.90", shipping="5.00"))
    work(store)
    assert balance(customer) == 64


def test_a_guest_whose_order_is_of_an_account_has_joined_and_what_waited_for_it_pays(store, add_rule, work):
    add_rule(store, name="Read", points=10)
    guest = Identity.of(external_id="c1", email="james@shop.example")
    activities.record(store, NewActivity("custom:read", guest, asked_state="enrolled"))
    work(store)
    wallet = store.wallets.get()
    assert (wallet.balance, wallet.pending) == (0, 10)

    tell(store)
    work(store)

    wallet.refresh_from_db()
    assert (wallet.balance, wallet.pending, wallet.customer.state) == (10, 0, "enrolled")


def test_below_the_award_status_points_are_pending(store, customer, purchase, work):
    tell(store, data=body("processing"))
    work(store)
    wallet = customer.wallets.get()
    assert (wallet.balance, wallet.pending) == (0, 39)
    tell(store, identity="2")
    work(store)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.pending) == (39, 0)


def test_partial_refunds_take_the_cumulative_share_and_the_last_one_the_rest(store, customer, purchase, work):
    tell(store, data=body(total="39.99", subtotal="29.99", shipping="10.00"))
    tell(store, "refund", "r1", {"amount": "15.99"})
    work(store)
    assert balance(customer) == 29 - 11
    tell(store, "refund", "r2", {"amount": "24.00"})
    work(store)
    assert balance(customer) == 0


def test_a_statement_dates_the_purchase_as_placed_and_the_refund_as_told(store, customer, purchase, work):
    tell(store, data=body(placed_at="2026-01-02T03:04:05Z"))
    work(store)
    tell(store, "refund", "r1", {"amount": "10"})
    work(store)
    bought, refunded = store.entries.order_by("seq").values_list("effective_at", flat=True)
    assert bought.isoformat() == "2026-01-02T03:04:05+00:00" and refunded.year > 2025 and refunded > bought
    assert (timezone.now() - refunded).total_seconds() < 60


def test_a_refund_that_arrives_first_waits_for_its_order(store, customer, purchase, work):
    tell(store, "refund", "r1", {"amount": "20"})
    work(store)
    assert Order.objects.get().status == ""
    tell(store, data=body(total="40"))
    work(store)
    assert balance(customer) == 20


def test_cancel_wins_and_only_a_reopening_undoes_it(store, customer, purchase, work):
    tell(store, "cancelled", "1", {})
    tell(store)
    work(store)
    assert balance(customer) == 0
    tell(store, "reopened", "1", {})
    work(store)
    assert balance(customer) == 39


def test_telling_again_changes_nothing(store, customer, purchase, work):
    assert tell(store) is True
    work(store)
    assert tell(store) is False
    work(store)
    assert (balance(customer), store.entries.count()) == (39, 1)


def test_a_refund_with_another_amount_is_a_conflict(store, purchase):
    tell(store, "refund", "r1", {"amount": "20"})
    with pytest.raises(orders.OrderFactConflict):
        tell(store, "refund", "r1", {"amount": "21"})


def test_an_order_keeps_the_rate_it_was_granted_at(store, customer, purchase, work):
    from decimal import Decimal

    from earning import rules

    tell(store, data=body("processing", "10"))
    work(store)
    rules.change(purchase, actor="test", points=Decimal(5))
    tell(store, identity="2", data=body("completed", "10"))
    work(store)
    assert balance(customer) == 10


def test_goals_pay_once_and_are_taken_back_when_a_refund_undoes_them(store, customer, add_rule, work):
    add_rule(store, "goal_spend", 500, name="Spend 50", settings={"goal": "50"})
    add_rule(store, "goal_orders", 300, name="Two orders", settings={"goal": 2})
    tell(store, order="o1", data=body(total="30"))
    work(store)
    assert balance(customer) == 0
    tell(store, order="o2", data=body(total="30"))
    work(store)
    assert balance(customer) == 800
    tell(store, "refund", "r1", {"amount": "30"}, order="o2")
    work(store)
    assert balance(customer) == 0
    tell(store, order="o3", data=body(total="30"))
    work(store)
    assert balance(customer) == 800


# Two families: one ends refunded in part, the other cancelled.
FACTS = {
    "refunded": [
        ("status", "1", body("processing", "100.00", subtotal="90.00", shipping="10.00")),
        ("status", "2", body("paid", "100.00", subtotal="90.00", shipping="10.00")),
        ("status", "3", body("completed", "97.00", subtotal="88.50", shipping="8.50")),
        ("refund", "r1", {"amount": "10.01"}),
        ("refund", "r2", {"amount": "33.33"}),
        ("refund", "r3", {"amount": "7.77"}),
    ],
    "cancelled": [
        ("status", "1", body("processing", "100.00")),
        ("status", "2", body("completed", "100.00")),
        ("status", "3", body("completed", "90.00")),
        ("refund", "r1", {"amount": "10.00"}),
        ("closed", "1", {}),
        ("cancelled", "1", {}),
    ],
}


@pytest.mark.parametrize(("family", "expected"), [("refunded", 88 - 46), ("cancelled", 0)])
def test_720_arrival_orders_and_any_doubling_end_in_the_same_points(store, customer, purchase, work, family, expected):
    """Each arrival order is an order of its own; all of them take their next fact, then the worker runs."""
    arrivals = list(itertools.permutations(FACTS[family]))
    arrivals = [(*arrival, arrival[number % 6]) for number, arrival in enumerate(arrivals)]  # one fact doubled
    for step in range(7):
        for number, arrival in enumerate(arrivals):
            kind, identity, data = arrival[step]
            fact = OrderFact(
                store=store, order_external_id=f"o{number}", kind=kind, identity=identity, data=data, source="api"
            )
            arrivals[number] = (*arrival[:step], fact, *arrival[step + 1 :])
        OrderFact.objects.bulk_create([arrival[step] for arrival in arrivals], ignore_conflicts=True)
        work(store)
    assert set(store.activities.filter(state="approved").values_list("points", flat=True)) <= {expected}
    net = {}
    for source, points in store.entries.values_list("source", "points"):
        net[source] = net.get(source, 0) + points
    assert len(arrivals) == 720 and set(net.values()) == {expected}
