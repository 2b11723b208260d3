"""What was refused stays refused when it is repeated, though it would be taken by now, and is never told as done."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse

from conftest import apply_all, balance
from customers import adjustments
from customers.models import Customer
from earning import rules
from integrations.dialects.lootly.tests.conftest import Shop as LootlyShop
from integrations.dialects.lootly.tests.conftest import connect as connect_lootly
from integrations.dialects.loyaltylion.tests.conftest import connect as connect_loyaltylion
from integrations.dialects.openloyalty.tests.conftest import sign_in as sign_in_openloyalty
from loyalty.stores.models import Store
from spending import rewarding
from spending.models import CouponCode, CouponImport, Reward

pytestmark = pytest.mark.django_db
WHO = {"external_id": "c1"}


@dataclass
class Cast:
    store: Store
    customer: Customer
    owner: Any
    api: Any
    client: Any

    def native(self, path: str, body: dict[str, Any], name: str) -> HttpResponse:
        return self.api.post(f"/api/v1/{path}", body, headers={"Idempotency-Key": name})

    def lootly(self) -> LootlyShop:
        connect_lootly(self.store)
        return LootlyShop(self.client)

    def reward(self, **values: Any) -> Reward:
        values = {"name": "5 off", "points": Decimal(50), "code_source": "generated"} | values
        settings = rewarding.clean_settings("fixed_amount", {"value": "5"})
        return rewarding.create(self.store, "fixed_amount", actor="test", settings=settings, **values)

    def give(self, points: int) -> None:
        adjustments.adjust(self.store, self.customer, Decimal(points), "A present", actor="test")


@pytest.fixture
def cast(store, customer, owner, api, client) -> Cast:
    return Cast(store, customer, owner, api, client)


Send = Callable[[str], HttpResponse]  # the call under a name
Mend = Callable[[], object]  # what makes it possible


# --- Calls that are answered ------------------------------------------------------------------


def too_few_points(cast: Cast) -> tuple[Send, Mend]:
    reward = cast.reward()
    body = {"customer": WHO, "reward": str(reward.public_id)}
    return lambda name: cast.native("redemptions", body, name), lambda: cast.give(100)


def no_code_left(cast: Cast) -> tuple[Send, Mend]:
    cast.give(100)
    reward = cast.reward(code_source="pool")
    body = {"customer": WHO, "reward": str(reward.public_id)}

    def add_code() -> None:
        made = {"store": cast.store, "pool": reward.pool}
        batch = CouponImport.objects.create(state="done", file_name="x.csv", digest=b"", due_at=None, **made)
        CouponCode.objects.create(coupon_import=batch, code="C1", **made)

    return lambda name: cast.native("redemptions", body, name), add_code


def a_reward_that_is_off(cast: Cast) -> tuple[Send, Mend]:
    cast.give(100)
    reward = cast.reward()
    rewarding.switch(reward, False)
    body = {"customer": WHO, "reward": str(reward.public_id)}
    return lambda name: cast.native("redemptions", body, name), lambda: rewarding.switch(reward, True)


def taken_often_enough(cast: Cast) -> tuple[Send, Mend]:
    cast.give(200)
    reward = cast.reward(customer_limit=1)
    body = {"customer": WHO, "reward": str(reward.public_id)}
    assert cast.native("redemptions", body, "first").status_code == 201
    return lambda name: cast.native("redemptions", body, name), lambda: rewarding.change(
        reward, actor="test", customer_limit=5
    )


def an_adjustment(cast: Cast) -> tuple[Send, Mend]:
    body = {"customer": WHO, "points": "-60", "reason": "By mistake"}
    return lambda name: cast.native("adjustments", body, name), lambda: cast.give(100)


def lootly_by_reference(cast: Cast) -> tuple[Send, Mend]:
    shop = cast.lootly()
    send = lambda name: shop.sends("points-subtract", id="c1", points=60, reference=name)  # noqa: E731
    return send, lambda: cast.give(100)


def lootly_by_time(cast: Cast) -> tuple[Send, Mend]:
    shop, times = cast.lootly(), {"k1": 1_700_000_000, "k2": 1_700_000_009}
    send = lambda name: shop.sends("points-subtract", id="c1", points=60, t=times[name])  # noqa: E731
    return send, lambda: cast.give(100)


def lootly_reward(cast: Cast) -> tuple[Send, Mend]:
    shop, reward = cast.lootly(), cast.reward()
    send = lambda name: shop.sends("redeem-reward", customer_id="c1", reward_id=str(reward.pk), call_id=name)  # noqa: E731
    return send, lambda: cast.give(100)


def loyaltylion_claim(cast: Cast) -> tuple[Send, Mend]:
    shop, reward = connect_loyaltylion(cast.store), cast.reward()
    send = lambda name: shop.send(  # noqa: E731
        "POST", "/v2/customers/c1/claimed_rewards", {"reward_id": reward.pk}, Idempotency_Key=name
    )
    return send, lambda: cast.give(100)


REFUSED = {
    "native, too few points": too_few_points, "native, no code left": no_code_left,
    "native, a reward that is off": a_reward_that_is_off, "native, taken often enough": taken_often_enough,
    "native, an adjustment": an_adjustment, "Lootly, by its reference": lootly_by_reference,
    "Lootly, by its time": lootly_by_time, "Lootly, a reward": lootly_reward, "LoyaltyLion, a claim": loyaltylion_claim,
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_call_stays_refused_though_it_would_be_taken_by_now(what, cast):
    send, mend = REFUSED[what](cast)
    refused = send("k1")
    assert refused.status_code in (409, 422), refused.content
    mend()
    before = (balance(cast.customer), cast.store.redemptions.count(), cast.store.entries.count())
    for _ in range(2):
        again = send("k1")
        assert (again.status_code, again.json()) == (refused.status_code, refused.json())
    assert (balance(cast.customer), cast.store.redemptions.count(), cast.store.entries.count()) == before
    assert send("k2").status_code in (200, 201)  # a new call is taken: the old one could have been
    assert balance(cast.customer) < before[0]


# --- Facts that were weighed and found to be worth nothing --------------------------------------


def native_fact(cast: Cast) -> Send:
    return lambda name: cast.api.post(
        "/api/v1/activities", {"action": "custom:read", "customer": WHO, "external_id": name}
    )


def native_batch(cast: Cast) -> Send:
    fact = {"action": "custom:read", "customer": WHO}
    return lambda name: cast.api.post("/api/v1/activities/batch", {"activities": [fact | {"external_id": name}]})


def lootly_fact(cast: Cast) -> Send:
    shop = cast.lootly()
    return lambda name: shop.sends("custom-action", customer_id="c1", action_id="read", call_id=name)


def loyaltylion_fact(cast: Cast) -> Send:
    shop = connect_loyaltylion(cast.store)
    told = {"name": "read", "customer_id": "c1", "customer_email": "james@shop.example"}
    return lambda name: shop.post(told | {"merchant_id": name})


def openloyalty_fact(cast: Cast) -> Send:
    caller = sign_in_openloyalty(cast.store, cast.owner)
    schema = {"eventType": "read", "name": "Read", "schema": {"fields": [{"name": "page", "type": "text"}]}}
    assert caller.post("customEvent/schema", {"customEventSchema": schema}).status_code == 204
    event = {"type": "read", "eventDate": "2026-01-01T10:00:00+00:00", "body": {"page": "x"}}
    who = {"customerData": {"email": "james@shop.example"}}
    return lambda name: caller.post("customEvent", {"event": event | who | {"eventId": name}})


FACTS = {
    "native": native_fact, "native, a batch": native_batch, "Lootly": lootly_fact, "LoyaltyLion": loyaltylion_fact,
    "Open Loyalty": openloyalty_fact,
}  # fmt: skip


@pytest.mark.parametrize("wire", FACTS)
def test_a_fact_that_was_worth_nothing_is_worth_nothing_when_it_is_told_again(wire, cast, add_rule):
    rule = add_rule(cast.store, name="Read", identifier="read", limit="count", limit_value=1, limit_period="ever")
    send = FACTS[wire](cast)

    def told(name: str) -> tuple[int, Decimal]:
        status = send(name).status_code
        apply_all(cast.store)
        return status, balance(cast.customer)

    assert [told("f1")[1], told("f2")[1]] == [100, 100]
    ended = list(cast.store.activities.order_by("id").values("pk", "state", "points"))
    assert len(ended) == 2 and ended[1]["points"] == 0
    rules.change(rule, actor="test", limit_value=5)
    for _ in range(2):
        status, points = told("f2")
        assert (points, status < 500) == (100, True)
    assert list(cast.store.activities.order_by("id").values("pk", "state", "points")) == ended
    assert told("f3")[1] == 200  # it could have been paid
