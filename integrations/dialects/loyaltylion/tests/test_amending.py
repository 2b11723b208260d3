"""PUT /v2/activities/:name/:merchant_id: the transitions, done before the answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import balance
from customers import ledger
from customers.ledger import Settlement
from customers.models import LedgerEntry
from earning.models import Activity

from .conftest import connect

AMENDED = {"approved": 100, "pending": 0, "declined": 0, "void": 0}


@pytest.fixture
def activity(store, shop, told, add_rule, work, customer):
    """Brings one activity, worth 100 points, into a state."""
    add_rule(store, identifier="leave_a_tip", points=100)

    def in_state(state: str) -> Activity:
        shop.post(told(merchant_id="5", state="approved" if state in ("approved", "void") else "pending"))
        work(store)
        if state in ("declined", "void"):
            assert shop.put("leave_a_tip/5", "declined").status_code == 204
        only = store.activities.get()
        assert only.state == state
        return only

    return in_state


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ("pending", "approved", "approved"), ("pending", "declined", "declined"), ("pending", "void", "void"),
        ("approved", "approved", "approved"), ("approved", "declined", "void"), ("approved", "void", "void"),
        ("declined", "approved", None), ("declined", "declined", "declined"), ("declined", "void", "declined"),
        ("void", "approved", None), ("void", "declined", "void"), ("void", "void", "void"),
    ],
)  # fmt: skip
def test_each_transition(store, shop, activity, customer, before, asked, after):
    activity(before)

    answer = shop.put("leave_a_tip/5", asked)

    if after is None:
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_transition")
    else:
        assert (answer.status_code, answer.content) == (204, b"")
    only = store.activities.get()
    assert only.state == (after or before)
    assert int(only.points) == 100  # the last worth
    wallet = customer.wallets.get()
    assert (wallet.balance, wallet.pending) == (AMENDED[only.state], 100 if only.state == "pending" else 0)
    assert [row["state"] for row in shop.activities()] == [only.state]


def test_a_repeat_is_safe(store, shop, activity, customer):
    activity("pending")

    for _ in range(3):
        assert shop.put("leave_a_tip/5", "approved").status_code == 204
    for _ in range(3):
        assert shop.put("leave_a_tip/5", "void").status_code == 204

    assert balance(customer) == 0
    assert LedgerEntry.objects.filter(store=store).count() == 3  # pending, approved, taken back


def test_points_are_there_before_the_answer_even_if_no_worker_has_been(store, shop, told, add_rule, customer):
    add_rule(store, identifier="leave_a_tip")
    shop.post(told(merchant_id="5", state="pending"))

    assert shop.put("leave_a_tip/5", "approved").status_code == 204

    assert balance(customer) == 100


def test_taking_back_what_is_not_applied_yet_leaves_its_worth_visible(store, shop, told, add_rule, work, customer):
    add_rule(store, identifier="leave_a_tip")
    shop.post(told(merchant_id="5"))

    assert shop.put("leave_a_tip/5", "declined").status_code == 204
    work(store)

    [row] = shop.activities()
    assert (row["state"], row["value"], balance(customer)) == ("void", 100, 0)


def test_points_that_were_spent_are_taken_back_below_zero(store, shop, activity, customer):
    activity("approved")
    ledger.settle(store, [Settlement(customer.pk, "redemption:1", "redeem", points=-80)])

    assert shop.put("leave_a_tip/5", "declined").status_code == 204

    assert balance(customer) == -80
    [row] = shop.activities()
    assert (row["customer"]["points_approved"], row["customer"]["points_spent"]) == (-80, 80)


@pytest.mark.parametrize(("asked", "points"), [("approved", 100), ("declined", 0), ("void", 0)])
def test_a_running_approval_period_gives_way(store, shop, told, add_rule, work, customer, asked, points):
    add_rule(store, identifier="leave_a_tip", approval="after_days", approval_days=14)
    shop.post(told(merchant_id="5"))
    work(store)

    shop.put("leave_a_tip/5", asked)
    Activity.objects.filter(store=store, due_at__isnull=False).update(due_at=timezone.now() - timedelta(days=1))
    work(store)

    only = store.activities.get()
    assert (only.state, only.due_at, balance(customer)) == (asked, None, points)


def test_an_approval_period_ends_by_itself(store, shop, told, add_rule, work, customer):
    add_rule(store, identifier="leave_a_tip", approval="after_days", approval_days=14)
    shop.post(told(merchant_id="5", date=(timezone.now() - timedelta(days=15)).isoformat()))

    work(store)

    assert balance(customer) == 100


def test_a_rule_on_trigger_waits_for_the_call(store, shop, told, add_rule, work, customer):
    add_rule(store, identifier="leave_a_tip", approval="by_hand")
    shop.post(told(merchant_id="5"))
    work(store)
    assert [row["state"] for row in shop.activities()] == ["pending"]

    shop.put("leave_a_tip/5", "approved")

    assert balance(customer) == 100


@pytest.mark.parametrize("state", [..., None, "", "pending", "Approved", "nonsense", 1, True, [], {}, ["approved"]])
def test_only_three_states_can_be_asked_for(store, shop, activity, state):
    activity("pending")

    body = {} if state is ... else {"state": state}
    answer = shop.send("PUT", "/v2/activities/leave_a_tip/5", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert "state" in answer.json()["error"]["details"]
    assert store.activities.get().state == "pending"


@pytest.mark.parametrize("body", [b"", b"[]", b"  "])
def test_an_empty_body_lacks_the_state(shop, activity, body):
    activity("pending")

    assert shop.send("PUT", "/v2/activities/leave_a_tip/5", body).status_code == 422


@pytest.mark.parametrize(
    "path", ["leave_a_tip/6", "other/5", "$leave_a_tip/5", "leave_a_tip/5%00", "%00/5", "x/" * 500]
)
def test_an_unknown_pair_is_not_found_and_creates_nothing(store, shop, activity, path):
    activity("pending")

    answer = shop.put(path, "approved")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert store.activities.count() == 1


@pytest.mark.parametrize("path", ["purchase/5", "$purchase/5", "%24referral/5"])
def test_what_orders_made_is_amended_by_orders(shop, db, path):
    assert shop.put(path, "approved").status_code == 422


@pytest.mark.parametrize(
    ("merchant_id", "path"),
    [
        ("a/b", "a/b"), ("a/b", "a%2Fb"), ("a/", "a%2F"), ("a b", "a%20b"), ("a%20b", "a%2520b"), ("Ünï-№1", "Ünï-№1"),
        ("gid://shop/Tip/5", "gid:%2F%2Fshop%2FTip%2F5"), ("a?b#c", "a%3Fb%23c"), (5, "5/"), ("x y", "%20x%20y%20"),
        ("i" * 255, "i" * 255), ("..", "%2E%2E"),
    ],
)  # fmt: skip
def test_path_parts_are_decoded_once(store, shop, told, merchant_id, path):
    shop.post(told(merchant_id=merchant_id))

    assert shop.put(f"leave_a_tip/{path}", "void").status_code == 204, path
    assert store.activities.get().state == "void"


def test_a_slash_at_the_end_is_the_ids_own_where_there_is_one(store, shop, told):
    shop.post(told(merchant_id="5"))
    shop.post(told(merchant_id="5/"))

    shop.put("leave_a_tip/5/", "void")

    assert dict(store.activities.values_list("external_id", "state")) == {"5": "pending", "5/": "void"}


def test_another_stores_activity_is_not_found(store, other_store, shop, activity):
    activity("pending")

    assert connect(other_store).put("leave_a_tip/5", "approved").status_code == 404
    assert store.activities.get().state == "pending"
