"""Native calls about rewards."""

from decimal import Decimal

import pytest

from conftest import make_customer
from customers import adjustments
from loyalty.stores.models import ApiKey
from spending import rewarding
from spending.models import CodePool, Reward

REWARDS = "/api/v1/rewards"
FIVE_OFF = {
    "kind": "fixed_amount", "name": "5 off", "points": "500", "settings": {"value": "5"},
    "code_source": "generated", "code_prefix": "THX-",
}  # fmt: skip


def test_a_reward_is_added_shown_and_listed(api, store):
    answer = api.post(REWARDS, FIVE_OFF | {"customer_limit": 2, "customer_limit_period": "month", "minimum_order": 20})
    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert (told["gives"], told["points"], told["minimum_order"], told["version"]) == ("5 EUR off", "500", "20", 1)
    assert (told["customer_limit"], told["customer_limit_period"], told["is_enabled"]) == (2, "month", True)

    assert api.get(f"{REWARDS}/{told['id']}").json() == told
    assert api.get(REWARDS).json() == {"data": [told], "next": None}
    assert store.rewards.get().versions.get().actor.startswith("key:")


def test_a_reward_with_uploaded_codes_gets_a_list_of_its_own_or_the_one_that_is_named(api, store, other_store):
    own = api.post(REWARDS, {"kind": "gift_code", "name": "Card", "points": 100}).json()
    assert own["pool"] == str(store.code_pools.get().public_id)
    shared = api.post(REWARDS, {"kind": "gift_code", "name": "Card 2", "points": 200, "pool": own["pool"]}).json()
    assert shared["pool"] == own["pool"]

    theirs = CodePool.objects.create(store=other_store, name="Theirs")
    refused = api.post(REWARDS, {"kind": "gift_code", "name": "X", "points": 1, "pool": str(theirs.public_id)})
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "pool"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "unknown"}, "kind"), ({"points": "0"}, "points"), ({"points": "-5"}, "points"),
        ({"points": "1.5"}, "points"), ({"name": ""}, "name"), ({"settings": {"value": "0"}}, "settings"),
        ({"settings": {"value": [5]}}, "settings"), ({"settings": {"vallue": "5"}}, "settings"),
        ({"code_source": "none"}, "code_source"), ({"validity": "days"}, "validity_count"),
        ({"validity": "date"}, "validity_until"), ({"customer_limit": 0}, "customer_limit"),
        ({"minimum_order": "1.999"}, "minimum_order"), ({"colour": "red"}, "colour"), ({"pool": "x"}, "pool"),
        ({"active_from": "2026-05-02T00:00:00Z", "active_until": "2026-05-01T00:00:00Z"}, "active_until"),
    ],
)  # fmt: skip
def test_a_reward_that_makes_no_sense_is_refused_by_its_field(api, store, values, field):
    answer = api.post(REWARDS, FIVE_OFF | values)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not store.rewards.exists()


def test_a_change_is_a_new_version_and_what_is_not_told_stays(api, store, add_reward):
    reward = add_reward("free_shipping", settings={"maximum": "6"}, points=300)
    changed = api.patch(f"{REWARDS}/{reward.public_id}", {"points": 250, "validity": "weeks", "validity_count": 2})
    assert changed.status_code == 200, changed.json()
    told = changed.json()
    assert (told["points"], told["version"], told["gives"]) == ("250", 2, "Free shipping, up to 6 EUR")
    assert [kept.values["points"] for kept in reward.versions.order_by("number")] == ["300", "250"]
    refused = api.patch(f"{REWARDS}/{reward.public_id}", {"validity": "date"})
    assert (refused.status_code, store.rewards.get().version) == (400, 2)


def test_settings_are_merged_one_by_one(api, add_reward):
    reward = add_reward("free_product", settings={"product_id": "p1", "product_name": "Mug"}, points=900)
    told = api.patch(f"{REWARDS}/{reward.public_id}", {"settings": {"product_name": "Cup"}}).json()
    assert told["settings"] == {"product_id": "p1", "product_name": "Cup", "product_value": None}


def test_a_reward_is_switched_off_and_on(api, store, add_reward):
    address = f"{REWARDS}/{add_reward().public_id}"
    assert api.post(f"{address}/disable").json()["is_enabled"] is False
    assert store.rewards.get().is_enabled is False
    assert api.post(f"{address}/enable").json()["is_enabled"] is True
    assert store.rewards.get().version == 1


def test_a_customer_is_told_what_they_may_take_and_why_not(api, store, customer, add_reward):
    adjustments.adjust(store, customer, Decimal(600), "Opening balance", actor="test")
    near, far = add_reward(points=500, name="Near"), add_reward(points=1000, name="Far")
    rewarding.switch(off := add_reward(points=1, name="Off"), False)

    rows = {row["name"]: row["for_customer"] for row in api.get(f"{REWARDS}?customer=external_id:c1").json()["data"]}
    assert rows["Near"]["is_allowed"] and rows["Near"]["code"] == "" and rows["Near"]["cost"] == "500"
    assert (rows["Far"]["is_allowed"], rows["Far"]["code"]) == (False, "insufficient_points")
    assert "It costs 1,000 points; the balance is 600, so 400 more are needed." in rows["Far"]["explanation"]
    assert rows["Off"]["code"] == "not_enabled"
    assert near.version == far.version == off.version == 1

    one = api.get(f"{REWARDS}/{far.public_id}?customer=email:james@shop.example").json()
    assert one["for_customer"]["checks"][-1] == {"check": "balance", "ok": False, "seen": "600", "want": "1000"}
    assert api.get(f"{REWARDS}?customer=external_id:nobody").status_code == 404


def test_the_list_costs_the_same_statements_however_many_customers_took_rewards(
    api, store, customer, add_reward, django_assert_max_num_queries
):
    for number in range(5):
        add_reward(name=f"R{number}", points=10, customer_limit=3)
    with django_assert_max_num_queries(30):
        assert len(api.get(f"{REWARDS}?customer=external_id:c1").json()["data"]) == 5


def test_changing_rewards_needs_the_scope_to_adjust(api, store, add_reward):
    reward = add_reward()
    _, key = ApiKey.issue(store, "shop", scopes=["read", "write"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    address = f"{REWARDS}/{reward.public_id}"
    answers = [
        api.post(REWARDS, FIVE_OFF), api.patch(address, {"points": 1}), api.post(f"{address}/enable"),
        api.post(f"{address}/disable"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403] * 4
    assert api.get(address).status_code == 200
    assert (Reward.objects.count(), store.rewards.get().version) == (1, 1)


def test_the_kinds_tell_what_a_form_of_them_needs(api):
    kinds = {kind["kind"]: kind for kind in api.get("/api/v1/reward-kinds").json()["data"]}
    assert set(kinds) >= {"fixed_amount", "percentage", "free_shipping", "free_product", "variable_amount", "custom"}
    assert kinds["variable_amount"]["takes_multiplier"] and kinds["gift_code"]["code_sources"] == ["pool"]
    assert kinds["fixed_amount"]["settings"][0] | {"help": ""} == {
        "name": "value", "label": "Amount off", "help": "", "type": "decimal", "is_required": True, "default": 5,
        "choices": [],
    }  # fmt: skip


def test_another_stores_reward_is_unknown(api, other_store, add_reward):
    theirs = add_reward(of=other_store)
    make_customer(other_store, "x1")
    assert api.get(f"{REWARDS}/{theirs.public_id}").status_code == 404
    assert api.patch(f"{REWARDS}/{theirs.public_id}", {"points": 1}).status_code == 404
    assert api.get(REWARDS).json()["data"] == []
