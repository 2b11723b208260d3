"""POST /v2/activities: which rule pays, in which state, what a repeat does."""

import pytest
from django.utils import timezone

from conftest import balance, make_customer
from customers import enrolment
from earning import rules

from .conftest import shown


def states(store) -> list[tuple[str, int]]:
    rows = store.activities.order_by("id")
    return [(row.state, int(row.points)) for row in rows]


# --- Which rule ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "canonical"),
    [
        ("$signup", "sign_up", "$signup"), ("signup", "sign_up", "$signup"), ("$join_program", "sign_up", "$signup"),
        ("$visit", "visit", "$visit"), ("pageview", "visit", "$visit"), ("$review", "review", "$review"),
        ("$birthday", "birthday", "$birthday"), ("newsletter_signup", "newsletter_signup", "$newsletter_signup"),
        ("$facebook_like", "facebook_like", "$facebook_like"), ("$tiktok_follow", "tiktok_follow", "$tiktok_follow"),
    ],
)  # fmt: skip
def test_built_in_names_find_their_rule(store, shop, told, add_rule, work, name, kind, canonical):
    rule = add_rule(store, kind, 10, name="Thank you")

    assert shop.post(told(name, merchant_id="1")).status_code == 201
    work(store)

    [row] = shop.activities()
    assert row["rule"] == {"id": rule.pk, "name": canonical, "title": "Thank you"}
    assert (row["state"], row["value"]) == ("approved", 10)


def test_a_name_alone_is_the_stores_own_action_before_the_built_in(store, shop, told, add_rule, work):
    add_rule(store, "review", 10)
    add_rule(store, "custom", 70, identifier="review")

    shop.post(told("review"))
    shop.post(told("$review"))
    work(store)

    assert shown(shop) == [("review", "approved", 70), ("$review", "approved", 10)]


def test_a_custom_action_never_answers_to_a_dollar_sign(store, shop, told, add_rule, work):
    add_rule(store, "custom", 70, identifier="leave_a_tip")

    shop.post(told("$leave_a_tip"))
    work(store)

    assert shown(shop) == [(None, "approved", 0)]


@pytest.mark.parametrize("name", ["nothing_like_it", "$nothing_like_it", "$instagram_mention", "ä/b %24", "x" * 255])
def test_unknown_names_are_kept_without_a_rule_and_found_again(store, shop, told, work, name):
    assert shop.post(told(name, merchant_id="7")).status_code == 201
    assert shop.post(told(name, merchant_id="7")).status_code == 201
    work(store)

    assert shown(shop) == [(None, "approved", 0)]
    if "/" not in name:
        path = name.replace("$", "%24")
        assert shop.put(f"{path}/7", "void").status_code == 204


def test_long_names_with_the_same_beginning_are_different_activities(store, shop, told):
    for length in (72, 73, 74, 80, 200, 201, 255):
        assert shop.post(told("x" * length, merchant_id="7")).status_code == 201

    assert store.activities.count() == 7


@pytest.mark.parametrize(
    "name", ["purchase", "$purchase", "$product_purchase", "collection_purchase", "$retail_purchase", "$referral"]
)
def test_what_orders_make_cannot_be_told(store, shop, told, name):
    answer = shop.post(told(name, merchant_id="1"))

    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == {"name": "is made by orders; report the order instead"}
    assert not store.activities.exists()


def test_a_custom_action_may_be_called_like_an_orders(store, shop, told, add_rule, work):
    add_rule(store, "custom", 5, identifier="purchase")

    assert shop.post(told("purchase", merchant_id="1")).status_code == 201
    assert shop.put("purchase/1", "void").status_code == 204


def test_clickthrough_needs_a_url_and_pays_only_for_the_rules_own(store, shop, told, add_rule, work):
    add_rule(store, "clickthrough", 7, settings={"url": "https://shop.example/story"})

    for properties in (..., None, {}, [], {"url": None}, {"url": " "}, {"url": 5}):
        assert shop.post(told("clickthrough", properties=properties)).status_code == 422, properties
    shop.post(told("$clickthrough", properties={"url": "https://shop.example/story"}))
    shop.post(told("$clickthrough", properties={"url": "https://shop.example/elsewhere"}))
    work(store)

    assert shown(shop) == [("$clickthrough", "approved", 7), (None, "approved", 0)]


def test_a_disabled_rule_a_used_limit_and_a_blocked_customer_earn_nothing(store, shop, told, add_rule, work):
    rules.switch(add_rule(store, identifier="off"), False)
    add_rule(store, identifier="once", limit="count", limit_value=1, limit_period="ever")
    enrolment.block(make_customer(store, "c2", "bad@shop.example"), True)

    shop.post(told("off"))
    shop.post(told("once"))
    shop.post(told("once"))
    shop.post(told("once", customer_id="c2", customer_email="bad@shop.example"))
    work(store)

    nothing = (None, "approved", 0)
    assert shown(shop) == [nothing, ("once", "approved", 100), nothing, nothing]


# --- State --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approval", "asked", "state"),
    [
        ("at_once", ..., "approved"), ("at_once", "pending", "pending"), ("at_once", "approved", "approved"),
        ("after_days", ..., "pending"), ("after_days", "approved", "approved"), ("after_days", "pending", "pending"),
        ("by_hand", ..., "pending"), ("by_hand", "approved", "approved"),
    ],
)  # fmt: skip
def test_a_state_that_is_given_wins_over_the_rule(store, shop, told, add_rule, work, customer, approval, asked, state):
    add_rule(store, identifier="leave_a_tip", approval=approval, approval_days=3)

    shop.post(told(state=asked))
    work(store)

    assert states(store) == [(state, 100)]
    assert (balance(customer) == 100) == (state == "approved")
    is_timed = store.activities.get().due_at is not None
    assert is_timed == (approval == "after_days" and asked is ...)


def test_an_activity_is_listed_at_once_and_pending_until_it_is_applied(store, shop, told, add_rule):
    add_rule(store, identifier="leave_a_tip")

    shop.post(told(merchant_id="5"))

    [row] = shop.activities()
    assert (row["merchant_id"], row["state"], row["value"]) == ("5", "pending", 0)
    assert row["rule"] == {"id": None, "name": None, "title": None}


def test_the_date_decides_which_period_a_limit_counts(store, shop, told, add_rule, work):
    add_rule(store, identifier="leave_a_tip", limit="count", limit_value=1, limit_period="month")

    for date in ("2025-06-30T10:00:00Z", "2025-07-01", "2025-07-02T00:00:00+0000"):
        assert shop.post(told(date=date)).status_code == 201
    work(store)

    assert [value for _, _, value in shown(shop)] == [100, 100, 0]


def test_without_a_date_it_happened_now(store, shop, told):
    before = timezone.now()
    shop.post(told(date=""))

    assert before <= store.activities.get().occurred_at <= timezone.now()


# --- Repeats ------------------------------------------------------------------------------------


def test_a_repeat_changes_nothing_not_even_the_state(store, shop, told, add_rule, work, customer):
    add_rule(store, identifier="leave_a_tip")
    shop.post(told(merchant_id="5", state="pending"))
    work(store)

    answer = shop.post(told(merchant_id=" 5 ", state="approved", guest=False, properties={"a": 1}))
    work(store)

    assert answer.status_code == 201
    assert states(store) == [("pending", 100)]
    assert balance(customer) == 0


def test_a_repeat_with_and_without_dollar_sign_is_the_same_activity(store, shop, told):
    for name in ("$review", "review", "$review"):
        assert shop.post(told(name, merchant_id="5")).status_code == 201

    assert store.activities.count() == 1


def test_a_repeat_is_known_although_the_store_has_a_custom_action_of_that_name_now(store, shop, told, add_rule, work):
    add_rule(store, "review", 10)
    shop.post(told("review", merchant_id="5"))
    add_rule(store, identifier="review")

    assert shop.post(told("review", merchant_id="5")).status_code == 201
    work(store)

    assert shown(shop) == [("$review", "approved", 10)]


@pytest.mark.parametrize("other", [("c2", "known@shop.example"), ("new", "new@shop.example")])
def test_a_repeat_for_another_customer_is_refused(store, shop, told, other):
    make_customer(store, "c2", "known@shop.example")
    shop.post(told(merchant_id="5"))
    customers = store.customers.count()

    answer = shop.post(told(merchant_id="5", customer_id=other[0], customer_email=other[1]))

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid"
    assert "merchant_id" in answer.json()["error"]["details"]
    assert (store.activities.count(), store.customers.count()) == (1, customers)


def test_a_repeat_may_name_the_customer_by_a_linked_id(store, shop, told):
    shop.post(told(merchant_id="5", guest=False))
    shop.post(told(customer_id="second"))

    assert shop.post(told(merchant_id="5", customer_id="second")).status_code == 201


def test_without_merchant_id_each_call_is_a_new_activity(store, shop, told):
    for merchant_id in (..., None, "", "  "):
        assert shop.post(told(merchant_id=merchant_id)).status_code == 201

    assert [row["merchant_id"] for row in shop.activities()] == [None] * 4


def test_the_same_merchant_id_under_another_name_is_another_activity(store, shop, told):
    shop.post(told("a", merchant_id="5"))
    shop.post(told("b", merchant_id=5))

    assert store.activities.count() == 2
