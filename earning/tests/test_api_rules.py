"""Earning rules over the native API."""

import pytest

from conftest import balance
from earning.actions import KINDS
from loyalty.stores.models import ApiKey

URL = "/api/v1/rules"
RULE = {"kind": "custom", "name": "Share a photo", "identifier": "share_photo", "points": "100"}


def test_a_rule_that_is_added_pays(api, store, customer, work):
    answer = api.post(URL, RULE | {"limit": "count", "limit_value": 1, "limit_period": "day"})

    assert answer.status_code == 201
    rule = answer.json()
    assert (rule["action"], rule["points"], rule["version"], rule["is_enabled"]) == (
        "custom:share_photo",
        "100",
        1,
        True,
    )
    assert len(rule["action_id"]) == 8
    for number in range(2):
        api.post(
            "/api/v1/activities",
            {"action": rule["action_id"], "external_id": str(number), "customer": {"external_id": "c1"}},
        )
    work(store)
    assert balance(customer) == 100


def test_a_change_is_a_new_version_by_this_key(api, store):
    rule = api.post(URL, RULE).json()

    changed = api.patch(f"{URL}/{rule['id']}", {"points": 150, "active_from": "2026-01-01"}).json()

    assert (changed["points"], changed["version"], changed["active_from"]) == ("150", 2, "2026-01-01T00:00:00Z")
    version = store.rules.get().versions.get(number=2)
    assert version.actor.startswith("key:lk_")
    assert api.patch(f"{URL}/{rule['id']}", {"points": "150"}).json()["version"] == 2  # nothing differs


def test_settings_are_those_of_the_kind(api, store):
    rule = api.post(URL, {"kind": "purchase", "name": "Buy", "points": 1, "settings": {"count_tax": True}}).json()
    assert rule["settings"]["count_tax"] is True

    changed = api.patch(f"{URL}/{rule['id']}", {"settings": {"minimum_order": "20"}}).json()
    assert (changed["settings"]["count_tax"], changed["settings"]["minimum_order"]) == (True, "20")


def test_a_rule_is_switched_off_and_on(api, store):
    rule = api.post(URL, RULE).json()

    assert api.post(f"{URL}/{rule['id']}/disable").json()["is_enabled"] is False
    assert api.get(f"{URL}/{rule['id']}").json()["is_enabled"] is False
    assert api.post(f"{URL}/{rule['id']}/enable").json()["is_enabled"] is True


def test_changing_what_facts_are_worth_needs_the_scope_adjust(api, store):
    rule = api.post(URL, RULE).json()
    _, key = ApiKey.issue(store, "facts only", scopes=["read", "write"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")

    assert api.get(URL).status_code == 200
    assert api.post(URL, RULE | {"identifier": "other"}).status_code == 403
    assert api.patch(f"{URL}/{rule['id']}", {"points": 1}).status_code == 403
    assert api.post(f"{URL}/{rule['id']}/disable").status_code == 403
    assert (store.rules.get().version, store.rules.get().is_enabled) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "nope"}, {"kind": None}, {"name": ""}, {"points": -1}, {"points": "1e3"}, {"points": 10**12},
        {"identifier": "a b"}, {"identifier": "taken"}, {"limit": "count"}, {"limit": "always"},
        {"limit": "count", "limit_value": 0}, {"approval": "after_days"}, {"approval_days": 366},
        {"active_from": "soon"}, {"active_from": "2026-02-01", "active_until": "2026-01-01"}, {"settings": []},
        {"settings": {"nope": 1}}, {"kind": "goal_spend", "settings": {"goal": -1}},
        {"kind": "goal_spend", "settings": {"goal": {"a": 1}}}, {"kind": "goal_orders", "settings": {"goal": "x"}},
        {"tags_any": "vip"}, {"version": 7}, {"points": "0.1234567"},
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused_with_the_reason(api, store, add_rule, change):
    add_rule(store, name="Taken", identifier="taken")

    answer = api.post(URL, RULE | change)

    assert answer.status_code == 400, answer.json()
    assert answer.json()["errors"][0]["message"]
    assert store.rules.count() == 1


def test_a_limit_cannot_be_left_half_said(api, store):
    rule = api.post(URL, RULE).json()

    assert api.patch(f"{URL}/{rule['id']}", {"limit": "points"}).status_code == 400
    assert api.patch(f"{URL}/{rule['id']}", {"limit": "points", "limit_value": 5}).status_code == 200
    assert api.patch(f"{URL}/{rule['id']}", {"limit_value": None}).status_code == 400


def test_another_stores_rule_is_not_there(api, store, other_store, add_rule):
    foreign = add_rule(other_store)

    assert api.get(f"{URL}/{foreign.public_id}").status_code == 404
    assert api.patch(f"{URL}/{foreign.public_id}", {"points": 1}).status_code == 404
    assert api.post(f"{URL}/{foreign.public_id}/disable").status_code == 404
    assert api.get(URL).json()["data"] == []


def test_the_kinds_and_their_settings_are_listed(api):
    kinds = {kind["kind"]: kind for kind in api.get("/api/v1/rule-kinds").json()["data"]}

    assert set(kinds) == set(KINDS)
    assert {setting["name"] for setting in kinds["purchase"]["settings"]} >= {"pays", "count_tax", "minimum_order"}
    assert kinds["purchase"]["settings"][0]["choices"] == ["per_unit", "fixed"]
