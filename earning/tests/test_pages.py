"""The Earning and Activity pages: what they say, what they change, and for whom."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone

from conftest import apply_all, balance, make_customer
from customers.identities import Identity
from earning import activities, orders
from earning.actions import KINDS
from earning.folding import STATUSES
from earning.forms import ICONS
from earning.models import Activity, EarningRule
from earning.rule_views import example_call
from loyalty.stores.forms import AWARD_STATUSES


@pytest.fixture
def page(sign_in, owner):
    return sign_in(owner)


def purchase(**changes):
    """The add form of a purchase rule as a browser sends it untouched, but for `changes`."""
    return {
        "name": "Make a purchase", "points": "2", "icon": "star", "limit": "", "limit_period": "ever",
        "approval": "at_once", "approval_days": "0", "settings-pays": "per_unit", "settings-after_discounts": "on",
    } | changes  # fmt: skip


def record(store, action="custom:tasting", customer="c1", **values) -> Activity:
    told = activities.record(store, activities.NewActivity(action, Identity.of(external_id=customer), **values))
    apply_all(store)
    return store.activities.get(pk=told.id)


# --- Earning ------------------------------------------------------------------------------------


def test_empty_list_teaches_the_next_step(page, store):
    answer = page.get("/s/acme/earning/")
    assert "Nothing earns yet" in answer.text
    assert 'href="/s/acme/earning/add/"' in answer.text


def test_list_says_in_plain_words_what_each_rule_gives(page, store, customer, add_rule):
    rule = add_rule(store, "purchase", 2, settings=KINDS["purchase"].defaults(), limit="count", limit_value=Decimal(5),
                    limit_period="day", approval="after_days", approval_days=14)  # fmt: skip
    add_rule(store, "custom", 100, identifier="tasting")
    record(store)
    answer = page.get("/s/acme/earning/")
    for words in ("2 points for each EUR spent", "5 times a day", "After 14 days", rule.name, "100 points"):
        assert words in answer.text
    assert re.search(r"1<span class=\"muted\"> time · 100 points", answer.text)


def test_gallery_offers_every_kind(page, store):
    answer = page.get("/s/acme/earning/add/")
    for kind in KINDS.values():
        assert f"/s/acme/earning/add/{kind.key}/" in answer.text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_form_of_every_kind_opens_and_saves_as_it_stands(page, store, kind):
    form = page.get(f"/s/acme/earning/add/{kind}/").context["form"]
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False, [])}
    answer = page.post(f"/s/acme/earning/add/{kind}/", sent)
    assert answer.status_code == 302, answer.context and answer.context["form"].errors
    assert store.rules.get().kind == kind


def test_added_rule_keeps_what_was_chosen(page, store):
    changes = {"limit": "points", "limit_value": "500", "limit_period": "month", "tags_any": "vip, gold , vip",
               "settings-minimum_order": "20.00", "active_from": "2026-12-01T00:00", "approval": "by_hand"}  # fmt: skip
    store.timezone = "Europe/Berlin"
    store.save(update_fields=["timezone"])
    page.post("/s/acme/earning/add/purchase/", purchase(**changes))
    rule = store.rules.get()
    assert (rule.points, rule.limit, rule.limit_value, rule.limit_period) == (2, "points", 500, "month")
    assert rule.tags_any == ["vip", "gold"]
    assert rule.settings["minimum_order"] == "20.00"
    assert rule.settings["count_tax"] is False
    assert rule.active_from.isoformat() == "2026-11-30T23:00:00+00:00"  # midnight in the store
    assert rule.versions.get().actor == "user:owner@acme.example"


def test_errors_are_listed_on_top_with_links_to_their_fields(page, store):
    changes = {"name": "", "settings-pays": "fixed", "points": "1.5", "limit": "count", "approval": "after_days",
               "active_from": "2026-12-02T00:00", "active_until": "2026-12-01T00:00", "email_text": "Hi"}  # fmt: skip
    answer = page.post("/s/acme/earning/add/purchase/", purchase(**changes))
    assert not store.rules.exists()
    for field in ("name", "points", "limit_value", "approval_days", "active_until", "email_subject"):
        assert f'<a href="#id_{field}">' in answer.text, field


def test_part_of_a_point_is_fine_as_a_rate(page, store):
    page.post("/s/acme/earning/add/purchase/", purchase(points="0.5"))
    assert store.rules.get().points == Decimal("0.5")


def test_custom_action_shows_its_id_and_a_call_to_copy(page, store):
    sent = {"name": "Coffee tasting", "identifier": "tasting", "points": "100", "icon": "star", "limit": "",
            "limit_period": "ever", "approval": "at_once"}  # fmt: skip
    answer = page.post("/s/acme/earning/add/custom/", sent, follow=True)
    rule = store.rules.get()
    assert rule.action == "custom:tasting"
    assert f'data-copy="{rule.action_id}"' in answer.text
    assert "curl http" in answer.text
    assert "Authorization: Bearer" in answer.text
    assert 'name="identifier"' not in answer.text


def test_call_to_copy_works_as_it_stands(api, store, customer, add_rule):
    rule = add_rule(store, identifier="tasting")
    body = re.search(r"-d '(.+)'", example_call(rule))[1]
    answer = api.post("/api/v1/activities", body, content_type="application/json")
    assert answer.status_code in (201, 202), answer.text
    apply_all(store)
    assert store.activities.get().points == 100


def test_taken_identifier_is_refused_at_its_field(page, store, add_rule):
    add_rule(store, identifier="tasting")
    sent = {"name": "Again", "identifier": "tasting", "points": "1", "icon": "star", "limit": "",
            "limit_period": "ever", "approval": "at_once"}  # fmt: skip
    answer = page.post("/s/acme/earning/add/custom/", sent)
    assert "Another custom action has this identifier" in answer.text
    assert store.rules.count() == 1


def test_change_to_a_live_rule_is_shown_before_it_is_saved(page, store, add_rule):
    rule = add_rule(store, "purchase", 2, name="Make a purchase", settings=KINDS["purchase"].defaults())
    url = f"/s/acme/earning/{rule.public_id}/"
    shown = page.post(url, purchase(points="3"))
    rule.refresh_from_db()
    assert rule.version == 1
    assert "Nothing is saved yet" in shown.text
    assert "<s>2 points for each EUR spent</s>" in shown.text
    assert "3 points for each EUR spent" in shown.text
    page.post(url, purchase(points="3", seen=shown.context["seen"]))
    rule.refresh_from_db()
    assert (rule.version, rule.points) == (2, 3)


def test_what_was_typed_after_the_review_is_shown_again(page, store, add_rule):
    rule = add_rule(store, "purchase", 2, name="Make a purchase", settings=KINDS["purchase"].defaults())
    url = f"/s/acme/earning/{rule.public_id}/"
    seen = page.post(url, purchase(points="3")).context["seen"]
    assert "Nothing is saved yet" in page.post(url, purchase(points="30", seen=seen)).text
    rule.refresh_from_db()
    assert rule.version == 1


def test_saving_without_a_change_makes_no_version(page, store, add_rule):
    rule = add_rule(store, "purchase", 2, name="Make a purchase", settings=KINDS["purchase"].defaults())
    answer = page.post(f"/s/acme/earning/{rule.public_id}/", purchase(points="2.0"), follow=True)
    assert "Nothing was changed" in answer.text
    assert rule.versions.count() == 1


def test_preview_tells_the_change_while_typing_and_stays_still_on_half_a_number(page, store, add_rule):
    rule = add_rule(store, "purchase", 2, name="Make a purchase", settings=KINDS["purchase"].defaults())
    url = f"/s/acme/earning/{rule.public_id}/preview/"
    told = page.post(url, purchase(points="4"))
    assert "4 points for each EUR spent" in told.text
    assert 'id="summary" hx-swap-oob="true"' in told.text
    assert page.post(url, purchase(points="-")).status_code == 204
    rule.refresh_from_db()
    assert rule.points == 2


def test_switch_turns_a_rule_off_and_on(page, store, add_rule):
    rule = add_rule(store)
    page.post(f"/s/acme/earning/{rule.public_id}/switch/", {"is_enabled": "0"})
    rule.refresh_from_db()
    assert not rule.is_enabled
    page.post(f"/s/acme/earning/{rule.public_id}/switch/", {"is_enabled": "1"})
    rule.refresh_from_db()
    assert rule.is_enabled
    assert rule.version == 1


def test_every_icon_is_in_the_sprite():
    with open(finders.find("vendor/tabler-icons/icons.svg")) as sprite:
        drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite.read()))
    assert {kind.icon for kind in KINDS.values()} | set(ICONS) <= drawn


def test_store_may_choose_each_status_that_an_order_passes_through():
    assert tuple(status for status, _ in AWARD_STATUSES) == STATUSES


# --- Activity -----------------------------------------------------------------------------------


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


# --- Who may ------------------------------------------------------------------------------------


@pytest.fixture
def addresses(store, customer, add_rule):
    rule = add_rule(store, identifier="tasting", approval="by_hand")
    activity = record(store)
    orders.record_fact(store, "o-1", "status", identity="1", data={"status": "completed"})
    return {
        "look": ["earning/", "earning/add/", "earning/add/custom/", f"earning/{rule.public_id}/", "activity/",
                 f"activity/{activity.public_id}/"],
        "edit": ["earning/add/custom/", "earning/add/custom/preview/", f"earning/{rule.public_id}/",
                 f"earning/{rule.public_id}/preview/", f"earning/{rule.public_id}/switch/"],
        "support": [f"activity/{activity.public_id}/decide/", f"activity/{activity.public_id}/retry/",
                    f"activity/facts/{store.order_facts.get().pk}/retry/", "activity/retry/"],
    }  # fmt: skip


def test_viewer_looks_at_everything_and_changes_nothing(sign_in, viewer, owner, store, addresses):
    client = sign_in(viewer)
    before = list(EarningRule.objects.values()), list(Activity.objects.values())
    for path in addresses["look"]:
        assert client.get(f"/s/acme/{path}").status_code == 200, path
    for path in addresses["edit"] + addresses["support"]:
        refused = client.post(f"/s/acme/{path}", {"state": "approved", "is_enabled": "0"})
        assert refused.status_code == 403, path
        assert "You can ask owner@acme.example" in refused.text
    assert (list(EarningRule.objects.values()), list(Activity.objects.values())) == before


def test_support_decides_activities_and_leaves_rules_alone(sign_in, support, store, addresses):
    client = sign_in(support)
    for path in addresses["edit"]:
        assert client.post(f"/s/acme/{path}").status_code == 403, path
    for path in addresses["support"]:
        assert client.post(f"/s/acme/{path}", {"state": "approved"}).status_code == 302, path


def test_stranger_finds_nothing(sign_in, stranger, store, addresses):
    client = sign_in(stranger)
    for path in {*addresses["look"], *addresses["edit"], *addresses["support"]}:
        assert client.get(f"/s/acme/{path}").status_code in (404, 405), path
        assert client.post(f"/s/acme/{path}").status_code in (404, 405), path


def test_rows_of_another_store_are_not_found_in_ones_own(sign_in, stranger, store, addresses):
    client = sign_in(stranger)
    for path in addresses["look"][3:4] + addresses["look"][5:]:
        assert client.get(f"/s/rival/{path}").status_code == 404, path
    for path in (addresses["edit"][2], addresses["edit"][4], addresses["support"][0]):
        assert client.post(f"/s/rival/{path}", {"state": "approved"}).status_code == 404, path


def test_signing_in_comes_first(client, store, addresses):
    answer = client.get("/s/acme/activity/")
    assert answer.headers["Location"] == "/accounts/login/?next=/s/acme/activity/"
    polled = client.get("/s/acme/activity/", headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"].startswith("/accounts/login/")
