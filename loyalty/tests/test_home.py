"""The first page of a store: steps for a new one, figures and what needs a look for a running one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import apply_all
from customers import adjustments
from customers.identities import Identity
from earning import activities, orders
from earning.figures import last_week, used_this_month, waiting
from loyalty.stores.models import ApiKey
from spending import figures, redemptions, rewarding


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


def record(store, **values):
    told = activities.NewActivity("custom:tasting", Identity.of(external_id=values.pop("customer", "c1")), **values)
    recorded = activities.record(store, told)
    apply_all(store)
    return store.activities.get(pk=recorded.id)


def test_steps_go_when_they_are_done(page, store, customer, add_rule):
    assert [step["is_done"] for step in page.get("/s/acme/").context["steps"]] == [False, False, False]
    add_rule(store, identifier="tasting")
    ApiKey.issue(store, "Web shop")
    assert "Three steps" in page.get("/s/acme/").text
    activity = record(store)
    answer = page.get("/s/acme/")
    assert "Three steps" not in answer.text
    assert f"/s/acme/activity/{activity.public_id}/" in answer.text


def test_week_is_compared_with_the_one_before(page, store, customer, add_rule):
    add_rule(store, identifier="tasting")
    for days in (1, 2, 8, 9, 10, 20):
        record(store, occurred_at=timezone.now() - timedelta(days=days))
    week = last_week(store)
    assert (week.activities, week.activities_before) == (2, 3)
    assert (week.points, week.points_before) == (Decimal(200), Decimal(300))
    assert (week.customers, week.customers_before) == (1, 1)
    answer = page.get("/s/acme/").text
    assert "200 points" in answer
    assert "300 points in the 7 days before" in answer


def test_figures_look_at_the_newest_activities_only(page, store, customer, add_rule, monkeypatch):
    rule = add_rule(store, identifier="tasting")
    for _ in range(4):
        record(store)
    monkeypatch.setattr("earning.figures.LOOK_BACK", 3)
    assert last_week(store).activities == 3
    assert used_this_month(store)[rule.pk].count == 3
    assert "or more" in page.get("/s/acme/").text


def test_figures_of_another_store_are_not_counted(page, store, other_store, customer, add_rule):
    add_rule(other_store, identifier="tasting")
    record(other_store)
    assert last_week(store).activities == 0


def test_stuck_activity_is_told_on_the_first_page(page, store, customer):
    activity = record(store)
    store.activities.filter(pk=activity.pk).update(quarantined_at=timezone.now(), due_at=None)
    assert "1 thing needs a look" in page.get("/s/acme/").text


def test_what_waits_for_a_word_is_told_on_the_first_page(page, store, customer, add_rule):
    add_rule(store, identifier="tasting", approval="by_hand")
    assert waiting(store) == 0
    record(store)
    assert waiting(store) == 1
    assert "1 activity waits for you to approve" in page.get("/s/acme/").text


def test_what_points_bought_and_what_it_brought_is_told(page, store, customer):
    adjustments.adjust(store, customer, Decimal(900), "Opening balance", actor="test")
    settings = rewarding.clean_settings("fixed_amount", {"value": "5"})
    reward = rewarding.create(
        store,
        "fixed_amount",
        actor="test",
        name="Fiver",
        points=Decimal(400),
        code_source="generated",
        settings=settings,
    )
    taken = redemptions.redeem(store, customer, reward)
    body = {"status": "completed", "total": "25.00", "discount": "5.00", "discount_codes": [taken.code]}
    orders.record_fact(store, "A-1", "status", identity="1", data=body | {"customer": {"external_id": "c1"}})
    apply_all(store)
    record(store)
    answer = page.get("/s/acme/")
    assert answer.context["results"] == [(reward, figures.Result(1, Decimal(400), 1, Decimal(25), Decimal(5)))]
    for words in ("Points spent, last 7 days", "400 points", "25.00 EUR", "Fiver"):
        assert words in answer.text


def test_a_list_that_runs_low_is_told_with_the_way_to_fill_it(page, store):
    settings = rewarding.clean_settings("gift_code", {})
    reward = rewarding.create(store, "gift_code", actor="test", name="Card", points=Decimal(400), settings=settings)
    pool = reward.pool
    done = {"state": "done", "file_name": "codes.csv", "digest": b"", "due_at": None}
    file = store.coupon_imports.create(pool=pool, **done)
    for number in range(3):
        store.coupon_codes.create(pool=pool, coupon_import=file, code=f"C{number}")
    store.code_pools.update(low_since=timezone.now())
    answer = page.get("/s/acme/").text
    assert "“Card” has 3 codes left." in answer
    assert f"/s/acme/spending/codes/{pool.public_id}/import/" in answer
