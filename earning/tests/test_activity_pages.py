"""The Activity pages: what they say, and what is decided on them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from conftest import balance, make_customer
from earning import orders

from .telling import record


def test_each_line_opens_why(page, store, customer, add_rule):
    add_rule(store, identifier="tasting", limit="count", limit_value=Decimal(1), name="Coffee tasting")
    first, second = record(store), record(store)
    listed = page.get("/s/acme/activity/")
    assert f"/s/acme/activity/{second.public_id}/" in listed.text
    assert "The limit is used up" in page.get(f"/s/acme/activity/{second.public_id}/").text
    why = page.get(f"/s/acme/activity/{first.public_id}/")
    assert "“Coffee tasting” (version 1) paid." in why.text
    assert "+100 points" in why.text  # what it moved in the ledger
    assert "&quot;outcome&quot;: &quot;awarded&quot;" in why.text  # the raw form, folded


def test_drawer_gets_the_why_alone(page, store, customer, add_rule):
    add_rule(store, identifier="tasting")
    answer = page.get(f"/s/acme/activity/{record(store).public_id}/", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert "drawer-head" in answer.text


def shown(page, query):
    return [row["activity"] for row in page.get(f"/s/acme/activity/{query}").context["rows"]]


def test_list_is_narrowed_by_state_action_rule_and_date(page, store, customer, add_rule):
    rule = add_rule(store, identifier="tasting", approval="by_hand")
    add_rule(store, "visit", 5)
    old = record(store, "visit", occurred_at=timezone.now() - timedelta(days=10))
    waiting, unknown = record(store), record(store, "podcast")
    assert shown(page, "") == [unknown, waiting, old]
    assert shown(page, "?state=waiting") == shown(page, "?state=pending") == [waiting]
    assert shown(page, "?action=visit") == [old]
    assert shown(page, f"?rule={rule.public_id}") == [waiting]
    yesterday = (store.local(timezone.now()) - timedelta(days=1)).date()
    assert shown(page, f"?until={yesterday}") == [old]
    assert shown(page, f"?since={yesterday}") == [unknown, waiting]
    assert shown(page, "?state=nonsense&since=yesterday") == [unknown, waiting, old]
    assert shown(page, "?since=0001-01-01&until=9999-12-31") == [unknown, waiting, old]


def test_search_finds_by_the_beginning_of_an_address_and_by_ids(page, store, customer, add_rule):
    rule = add_rule(store, identifier="tasting")
    make_customer(store, "c2", "mia@shop.example")
    mine, hers = record(store, external_id="order-7"), record(store, customer="c2")
    assert shown(page, "?q=JAMES@") == [mine]
    assert shown(page, "?q=c2") == [hers]
    assert shown(page, "?q=order-7") == [mine]
    assert shown(page, f"?q=c2&rule={rule.public_id}") == [hers]
    assert "Nothing matches" in page.get("/s/acme/activity/?q=nobody").text


def test_pages_lead_to_older_and_back_to_newer(page, store, customer, monkeypatch):
    made = [record(store, "podcast") for _ in range(5)]
    monkeypatch.setattr("loyalty.stores.paging.page_of.__defaults__", (2,))
    first = page.get("/s/acme/activity/").context["page"]
    assert (first.rows, first.newer) == ([made[4], made[3]], None)
    second = page.get(f"/s/acme/activity/?before={first.older}").context["page"]
    assert second.rows == [made[2], made[1]]
    last = page.get(f"/s/acme/activity/?before={second.older}").context["page"]
    assert (last.rows, last.older) == ([made[0]], None)
    assert page.get(f"/s/acme/activity/?after={second.newer}").context["page"].rows == first.rows


def test_poll_is_silent_until_something_changes(page, store, customer, add_rule):
    add_rule(store, identifier="tasting")
    first = record(store)
    seen = page.get("/s/acme/activity/").context["seen"]
    poll = f"/s/acme/activity/?seen={seen}&newest={first.pk}"
    assert page.get(poll, headers={"HX-Request": "true"}).status_code == 204
    second = record(store)
    answer = page.get(poll, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert f"activity-{second.pk}" in answer.text
    assert answer.text.count("is-fresh") == 1
    assert "<html" not in answer.text


def test_only_the_newest_page_polls(page, store, customer):
    last = [record(store, "podcast") for _ in range(2)][-1]
    assert "every 2s" in page.get("/s/acme/activity/").text
    assert "every 2s" not in page.get(f"/s/acme/activity/?before={last.pk}").text


def test_poll_costs_few_queries_however_long_the_page(page, store, customer, add_rule, django_assert_max_num_queries):
    add_rule(store, identifier="tasting")
    for _ in range(8):
        record(store)
    page.get("/s/acme/activity/")
    with django_assert_max_num_queries(11):  # 6 of the page, 5 of the test's client
        page.get("/s/acme/activity/?seen=", headers={"HX-Request": "true"})


@pytest.mark.parametrize(("state", "points"), [("approved", 100), ("declined", 0)])
def test_activity_that_waits_is_decided_by_hand(sign_in, support, store, customer, add_rule, state, points):
    add_rule(store, identifier="tasting", approval="by_hand")
    activity = record(store)
    client = sign_in(support)
    url = f"/s/acme/activity/{activity.public_id}/"
    assert "Waiting for you" in client.get(url).text
    client.post(f"{url}decide/", {"state": state})
    activity.refresh_from_db()
    assert activity.state == state
    assert balance(customer) == points
    assert "decided already" in client.post(f"{url}decide/", {"state": state}, follow=True).text


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [("http://testserver/s/acme/activity/?state=waiting", "http://testserver/s/acme/activity/?state=waiting"),
     ("https://elsewhere.example/", "/s/acme/activity/{}/"), ("", "/s/acme/activity/{}/")],
)  # fmt: skip
def test_deciding_leads_back_to_where_one_was(page, store, customer, add_rule, came_from, leads_to):
    add_rule(store, identifier="tasting", approval="by_hand")
    activity = record(store)
    url = f"/s/acme/activity/{activity.public_id}/decide/"
    answer = page.post(url, {"state": "approved"}, headers={"Referer": came_from})
    assert answer.headers["Location"] == leads_to.format(activity.public_id)


def test_stuck_activity_is_shown_with_its_error_and_can_be_tried_again(page, store, customer, add_rule):
    add_rule(store, identifier="tasting")
    activity = record(store)
    store.activities.filter(pk=activity.pk).update(quarantined_at=timezone.now(), due_at=None, error="Boom", attempts=5)
    assert "could not be applied" in page.get("/s/acme/activity/").text
    assert shown(page, "?state=stuck") == [activity]
    assert "Boom" in page.get(f"/s/acme/activity/{activity.public_id}/").text
    page.post(f"/s/acme/activity/{activity.public_id}/retry/")
    activity.refresh_from_db()
    assert (activity.quarantined_at, activity.error) == (None, "")
    assert activity.due_at is not None


def test_stuck_fact_of_an_order_is_shown_and_can_be_tried_again(page, store):
    orders.record_fact(store, "o-1", "status", identity="1", data={"status": "completed"})
    stuck = {"quarantined_at": timezone.now(), "due_at": None, "error": "Boom", "attempts": 5}
    store.order_facts.update(**stuck)
    fact = store.order_facts.get()
    assert "o-1" in page.get("/s/acme/activity/?state=stuck").text
    page.post(f"/s/acme/activity/facts/{fact.pk}/retry/")
    fact.refresh_from_db()
    assert fact.quarantined_at is None
    store.order_facts.update(**stuck)
    page.post("/s/acme/activity/retry/")
    fact.refresh_from_db()
    assert fact.due_at is not None
