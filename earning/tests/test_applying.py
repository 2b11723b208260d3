from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import balance, make_customer
from customers.identities import Identity
from earning import activities, rules
from earning.activities import ActivityConflict, NewActivity


def told(store, customer, action="custom:read", **fields):
    return activities.record(store, NewActivity(action, Identity.of(external_id=customer.external_id), **fields))


def test_a_custom_action_pays_once_per_external_id(store, customer, add_rule, work):
    add_rule(store, name="Read", points=25)
    first = told(store, customer, external_id="a1")
    again = told(store, customer, external_id="a1")
    work(store)
    assert (first.is_new, again.is_new, again.id) == (True, False, first.id)
    assert balance(customer) == 25


def test_the_same_fact_of_another_customer_is_a_conflict(store, customer, add_rule):
    told(store, customer, external_id="a1")
    with pytest.raises(ActivityConflict):
        told(store, make_customer(store, "c2"), external_id="a1")


def test_an_unknown_customer_becomes_a_guest(store, add_rule, work):
    add_rule(store, name="Read", points=25)
    activities.record(store, NewActivity("custom:read", Identity.of(email=" New@Shop.Example ")))
    work(store)
    made = store.customers.get()
    assert (made.email, made.state, balance(made)) == ("new@shop.example", "guest", 25)


def test_without_a_rule_the_fact_is_kept_and_says_so(store, customer, work):
    recorded = told(store, customer)
    work(store)
    kept = store.activities.get(pk=recorded.id)
    assert (kept.state, kept.points, kept.rule, kept.decision["outcome"]) == ("approved", 0, None, "no_rule")


@pytest.mark.parametrize(
    ("limit", "value", "expected"),
    [("count", 2, 50), ("points", 40, 40), ("points", 50, 50), ("", None, 75)],
)
def test_a_limit_holds_within_and_across_batches(store, customer, add_rule, work, limit, value, expected):
    add_rule(store, name="Read", points=25, limit=limit, limit_value=value, limit_period="day")
    now = datetime(2026, 5, 5, 12, tzinfo=UTC)
    told(store, customer, occurred_at=now)
    told(store, customer, occurred_at=now)
    work(store)
    told(store, customer, occurred_at=now)
    work(store)
    assert balance(customer) == expected


def test_a_limit_counts_calendar_days_of_the_store(store, customer, add_rule, work):
    store.timezone = "Asia/Tokyo"
    store.save(update_fields=["timezone"])
    add_rule(store, name="Read", points=10, limit="count", limit_value=1, limit_period="day")
    told(store, customer, occurred_at=datetime(2026, 5, 5, 14, 59, tzinfo=UTC))  # 23:59 in Tokyo
    told(store, customer, occurred_at=datetime(2026, 5, 5, 15, 1, tzinfo=UTC))  # the next day there
    told(store, customer, occurred_at=datetime(2026, 5, 6, 14, 59, tzinfo=UTC))
    work(store)
    assert balance(customer) == 20


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [({"tags_any": ["vip"]}, 10), ({"tags_any": ["new"]}, 0), ({"tags_none": ["vip"]}, 0), ({"tags_none": ["x"]}, 10)],
)
def test_tags_restrict(store, customer, add_rule, work, restriction, expected):
    customer.tags = ["vip"]
    customer.save(update_fields=["tags"])
    add_rule(store, name="Read", points=10, **restriction)
    told(store, customer)
    work(store)
    assert balance(customer) == expected


def test_a_disabled_rule_pays_nothing_and_the_next_one_is_asked(store, customer, add_rule, work):
    first = add_rule(store, "review", points=10, name="Old")
    add_rule(store, "review", points=5, name="New")
    rules.switch(first, False)
    recorded = told(store, customer, "review")
    work(store)
    decision = store.activities.get(pk=recorded.id).decision
    assert balance(customer) == 5
    assert [(rule["name"], rule["pays"]) for rule in decision["rules"]] == [("Old", False), ("New", True)]


def test_a_blocked_customer_earns_nothing(store, customer, add_rule, work):
    customer.state = "blocked"
    customer.save(update_fields=["state"])
    add_rule(store, name="Read")
    told(store, customer)
    work(store)
    assert balance(customer) == 0


def test_approval_after_days_comes_by_itself(store, customer, add_rule, work):
    add_rule(store, name="Read", points=10, approval="after_days", approval_days=3)
    recorded = told(store, customer)
    work(store)
    wallet = customer.wallets.get()
    assert (wallet.balance, wallet.pending) == (0, 10)
    waiting = store.activities.get(pk=recorded.id)
    assert waiting.state == "pending" and waiting.due_at - waiting.occurred_at == timedelta(days=3)
    past = timezone.now() - timedelta(days=4)
    store.activities.update(occurred_at=past, due_at=timezone.now() - timedelta(seconds=1))
    work(store)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.pending) == (10, 0)


@pytest.mark.parametrize(("asked", "state", "expected"), [("approved", "approved", 10), ("declined", "declined", 0)])
def test_approval_by_hand(store, customer, add_rule, work, asked, state, expected):
    add_rule(store, name="Read", points=10, approval="by_hand")
    recorded = told(store, customer)
    work(store)
    waiting = store.activities.get(pk=recorded.id)
    assert waiting.state == "pending"
    activities.ask(waiting, asked)
    work(store)
    waiting.refresh_from_db()
    wallet = customer.wallets.get()
    assert (waiting.state, wallet.balance, wallet.pending) == (state, expected, 0)


def test_a_voided_activity_takes_its_points_back_and_remembers_them(store, customer, add_rule, work):
    add_rule(store, name="Read", points=10)
    recorded = told(store, customer)
    work(store)
    activities.ask(store.activities.get(pk=recorded.id), "void")
    work(store)
    void = store.activities.get(pk=recorded.id)
    assert (void.state, void.points, balance(customer)) == ("void", 10, 0)


def test_an_edited_rule_leaves_past_decisions_alone(store, customer, add_rule, work):
    rule = add_rule(store, name="Read", points=10)
    recorded = told(store, customer)
    work(store)
    rules.change(rule, actor="test", points=Decimal(99))
    activities.ask(store.activities.get(pk=recorded.id), "approved")
    work(store)
    assert balance(customer) == 10
    assert store.activities.get(pk=recorded.id).rule_version == 1


def test_points_asked_by_the_caller_override_the_rule(store, customer, add_rule, work):
    add_rule(store, name="Read", points=10)
    told(store, customer, asked_points=Decimal(7))
    work(store)
    assert balance(customer) == 7


def test_what_waits_for_enrolment_is_approved_on_joining(store, add_rule, work):
    add_rule(store, name="Read", points=10)
    who = Identity.of(email="new@shop.example")
    activities.record(store, NewActivity("custom:read", who, asked_state="enrolled"))
    work(store)
    wallet = store.wallets.get()
    assert (wallet.balance, wallet.pending) == (0, 10)
    activities.join(store, who, source="api")
    work(store)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.pending) == (10, 0)


def test_a_capped_activity_stays_capped_when_it_is_looked_at_again(store, customer, add_rule, work):
    add_rule(store, name="Read", points=25, limit="points", limit_value=40, limit_period="day")
    now = datetime(2026, 5, 5, 12, tzinfo=UTC)
    told(store, customer, occurred_at=now)
    last = told(store, customer, occurred_at=now)
    work(store)

    activities.ask(store.activities.get(pk=last.id), "pending")
    work(store)
    activities.ask(store.activities.get(pk=last.id), "approved")
    work(store)

    assert balance(customer) == 40
