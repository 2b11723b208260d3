"""Why, in sentences a shop owner understands."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.identities import Identity
from earning import activities, orders
from earning.activities import NewActivity
from earning.explaining import explain, headline


def why(store, customer, work, action="custom:read", **fields):
    recorded = activities.record(store, NewActivity(action, Identity.of(external_id=customer.external_id), **fields))
    work(store)
    decision = store.activities.get(pk=recorded.id).decision
    return headline(decision, store), " ".join(explain(decision, store))


def test_the_arithmetic_of_a_purchase(store, customer, add_rule, work):
    add_rule(store, "purchase", 1, name="Purchase")
    data = {"status": "completed", "total": "29.99", "subtotal": "29.99", "customer": {"external_id": "c1"}}
    orders.record_fact(store, "o1", "status", identity="1", data=data)
    work(store)
    decision = store.activities.get().decision
    assert headline(decision, store) == "29.99 EUR × 1 point = 29.99, rounded down to 29."
    orders.record_fact(store, "o1", "refund", identity="r", data={"amount": "10"})
    work(store)
    decision = store.activities.get().decision
    assert "10 of 29.99 EUR was refunded, so 20 of 29 remain." in explain(decision, store)


def test_a_used_up_limit(store, customer, add_rule, work):
    add_rule(store, name="Read", limit="count", limit_value=1, limit_period="day")
    why(store, customer, work)
    title, _ = why(store, customer, work)
    assert title == "No points: the limit is used up: 1 of 1 times a day used before"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"tags_any": ["vip"]}, "The customer has none of the tags vip (tags: none)."),
        ({"active_until": timezone.now() - timedelta(days=9)}, "is outside the rule's dates"),
    ],
)
def test_refusals_name_what_was_seen_and_wanted(store, customer, add_rule, work, rule, says):
    add_rule(store, name="Read", **rule)
    assert says in why(store, customer, work)[1]


def test_no_rule_says_what_to_do(store, customer, work):
    title, text = why(store, customer, work, "review")
    assert title == "No points: there is no rule for this action"
    assert "Add a rule to reward it from now on." in text


def test_pending_says_until_when(store, customer, add_rule, work):
    add_rule(store, name="Read", approval="after_days", approval_days=3)
    assert "then approved by itself." in why(store, customer, work)[1]


def test_what_is_not_applied_yet_says_so(store):
    assert explain(None, store) == ["This has been stored and will be applied within seconds."]
