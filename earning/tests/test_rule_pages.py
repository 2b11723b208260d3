"""The Earning pages: what they say of rules, and what they change."""

import re
from decimal import Decimal

import pytest
from django.contrib.staticfiles import finders

from conftest import apply_all
from earning.actions import KINDS
from earning.folding import STATUSES
from earning.forms import ICONS
from earning.rule_views import example_call
from loyalty.stores.forms import AWARD_STATUSES

from .telling import record


def purchase(**changes):
    """The add form of a purchase rule as a browser sends it untouched, but for `changes`."""
    return {
        "name": "Make a purchase", "points": "2", "icon": "star", "limit": "", "limit_period": "ever",
        "approval": "at_once", "approval_days": "0", "settings-pays": "per_unit", "settings-after_discounts": "on",
    } | changes  # fmt: skip


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
