"""What a customer may still earn, as the widget shows it."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from conftest import make_customer
from customers.identities import Identity
from earning import activities, allowances


def tell(store, work, action: str, times: int = 1) -> None:
    for _ in range(times):
        activities.record(store, activities.NewActivity(action, Identity.of(external_id="c1")))
    work(store)


def left(store, customer) -> dict[str, object]:
    return {one.rule.name: one.left for one in allowances.for_customer(store, customer)}


def test_what_is_left_counts_what_the_customer_did_in_the_period(store, customer, add_rule, work):
    add_rule(store, name="Cup", identifier="cup", limit="count", limit_value=3, limit_period="day")
    add_rule(store, name="Walk", identifier="walk", points=40, limit="points", limit_value=100, limit_period="month")
    add_rule(store, name="Free", identifier="free")
    other = make_customer(store, "c2")
    tell(store, work, "custom:cup", 2)
    tell(store, work, "custom:walk", 3)
    assert left(store, customer) == {"Cup": Decimal(1), "Walk": Decimal(0), "Free": None}
    assert left(store, other) == {"Cup": Decimal(3), "Walk": Decimal(100), "Free": None}
    assert left(store, None) == {"Cup": Decimal(3), "Walk": Decimal(100), "Free": None}


def test_only_rules_that_are_open_to_the_customer_are_named(store, customer, add_rule):
    add_rule(store, name="Off", identifier="off", is_enabled=False)
    add_rule(store, name="Over", identifier="over", active_until=timezone.now() - timedelta(days=1))
    add_rule(store, name="Soon", identifier="soon", active_from=timezone.now() + timedelta(days=1))
    add_rule(store, name="Vip", identifier="vip", tags_any=["vip"])
    add_rule(store, name="Not staff", identifier="nostaff", tags_none=["staff"])
    assert set(left(store, customer)) == set(left(store, None)) == {"Not staff"}
    customer.tags = ["vip", "staff"]
    assert set(left(store, customer)) == {"Vip"}


def test_a_used_up_limit_is_shown_as_such(store, customer, add_rule, work):
    add_rule(store, name="Join", identifier="join", limit="count", limit_value=1)
    tell(store, work, "custom:join", 2)
    [one] = allowances.for_customer(store, customer)
    assert one.is_used_up


def test_many_rules_cost_no_more_statements_than_one(store, customer, add_rule, django_assert_num_queries):
    for number in range(6):
        add_rule(store, identifier=f"a{number}", limit="count", limit_value=1)
    with django_assert_num_queries(1):  # for the rules; what is used is one more, past Django's cursor
        allowances.for_customer(store, customer)
