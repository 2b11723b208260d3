"""Another store's objects named in what is sent as JSON, and in what a shop signs. See test_references.py."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from integrations.dialects.lootly.calls import KINDS
from integrations.dialects.lootly.tests.signing import signed
from integrations.dialects.loyaltylion.tests.conftest import PAYLOADS as LION
from integrations.dialects.openloyalty.tests.conftest import PAYLOADS as OPEN

from .callers import WIRES, Caller, text_of
from .routes import filled


def leaves(body: Any, at: tuple = ()) -> Iterator[tuple]:
    """Where a value stands in a body."""
    if isinstance(body, dict | list) and body:
        for key, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from leaves(value, (*at, key))
    else:
        yield at


def with_value(body: Any, at: tuple, value: Any) -> Any:
    if not at:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[at[0]] = with_value(copy[at[0]], at[1:], value)
    return copy


def of_the_api(mine) -> dict[str, dict]:
    """A body of each call that takes one, of the asker's own objects."""
    who, order = {"external_id": mine.customer.external_id}, {"total": "9", "status": "completed"}
    told = {"action": "custom:read", "customer": who | {"email": mine.customer.email}, "external_id": "new"}
    return {
        "customers": who | {"email": "new@wombat.example", "referred_by": "x"},
        "customers/<path:reference>": {"email": "new@wombat.example", "external_id": "x", "first_name": "x"},
        "customers/<path:reference>/enrol": {},
        "customers/<path:reference>/erase": {"reason": "asked", "note": "x"},
        "adjustments": {"customer": who, "points": "1", "reason": "x", "external_id": "x"},
        "activities": told,
        "activities/batch": {"activities": [told]},
        "orders": order | {"external_id": "x", "customer": who, "codes": ["x"]},
        "orders/<path:external_id>/refunds": {"amount": "1", "external_id": "x"},
        "rules": {"kind": "custom", "name": "x", "points": "1", "identifier": "x"},
        "rules/<uuid:public_id>": {"name": "x"},
        "rewards": {"kind": "fixed_amount", "name": "x", "points": "1", "settings": {"value": "5"}, "pool": "x"},
        "rewards/<uuid:public_id>": {"name": "x", "pool": "x", "code_source": "pool"},
        "redemptions": {"customer": who, "reward": str(mine.reward.public_id)},
        "redemptions/check": {"customer": who, "reward": str(mine.reward.public_id)},
        "redemptions/<uuid:public_id>/cancel": {"reason": "x"},
        "redemptions/<uuid:public_id>/use": {"order": "x"},
        "code-pools": {"name": "x"},
        "code-pools/<uuid:public_id>": {"name": "x"},
        "code-imports/<uuid:public_id>/read-as": {"encoding": "utf-8"},
    }


def test_in_bodies_of_the_api(mine, probe, unmoved, sign_in):
    caller = WIRES["api/v1"](mine, sign_in)[0]
    for route, body in of_the_api(mine).items():
        path = filled(f"api/v1/{route}", mine)
        method = "patch" if route.endswith(("<path:reference>", "rules/<uuid:public_id>")) else "post"
        method = "patch" if route in ("rewards/<uuid:public_id>", "code-pools/<uuid:public_id>") else method
        with unmoved():
            probe_body(probe, caller, method, path, body)


def probe_body(probe: Callable, caller: Caller, method: str, path: str, body: Any) -> None:
    for at in leaves(body):

        def fill(value: str, at: tuple = at) -> tuple[str, bytes]:
            return "", json.dumps(with_value(body, at, value)).encode()

        probe(caller, method, path, fill, "application/json")


def test_in_bodies_of_the_other_wires(mine, probe, unmoved, sign_in):
    lion, open_, shopper = (WIRES[wire](mine, sign_in)[0] for wire in ("^v2/", "api", "widget/"))
    with unmoved():
        for name in sorted(file.stem for file in LION.glob("*.json")):
            probe_body(probe, lion, "post", "/v2/activities", json.loads((LION / f"{name}.json").read_text()))
        claim = {"reward_id": mine.reward.pk, "multiplier": 1}
        probe_body(probe, lion, "post", f"/v2/customers/{mine.customer.external_id}/claimed_rewards", claim)
        schema = {"customEventSchema": json.loads((OPEN / "event-schema.json").read_text())["customEventSchema"]}
        for call, file in ("member", "member-full"), ("customEvent", "event"), ("customEvent", "event-body"):
            body = json.loads((OPEN / f"{file}.json").read_text())
            probe_body(probe, open_, "post", f"/api/{mine.store.slug}/{call}", body)
        probe_body(probe, open_, "post", f"/api/{mine.store.slug}/customEvent/schema", schema)
        member = {"customer": {"email": "x@wombat.example", "loyaltyCardNumber": "1", "levelId": None}}
        probe_body(probe, open_, "put", f"/api/{mine.store.slug}/member/{mine.customer.public_id}", member)
        taking = {"reward_id": str(mine.reward.public_id), "multiplier": 1, "call_id": "a-long-call-id"}
        probe_body(probe, shopper, "post", "/widget/v1/redeem", taking)


def test_in_what_a_shop_signs(mine, probe, unmoved, sign_in):
    """Every call of the signed wire, by another shop with a good signature of its own."""
    shop = WIRES["integrations/webhooks/"](mine, sign_in)[-1]
    told = {
        "id": "x", "email": "x@wombat.example", "action_id": "x", "reward_id": str(mine.reward.pk), "points": "1",
        "reference": "x", "ids": ["x"], "emails": ["x@wombat.example"], "discount_codes": [{"code": "x"}],
        "customer": {"id": "x", "email": "x@wombat.example"}, "total_price": "9.99", "transactions": [{"amount": "1"}],
    }  # fmt: skip
    key, secret = mine.connection.key, mine.connection_secret
    for event in [*(kind.name for kind in KINDS), "orders-completed", "refunds-create", "customers-create"]:
        for at in leaves(told):

            def fill(value: str, at: tuple = at) -> tuple[str, bytes]:
                return "", signed(key, secret, **with_value(told, at, value))

            probe(shop, "post", f"/integrations/webhooks/common/{event}", fill, "application/json")


def test_a_key_of_one_shop_does_not_sign_for_another(mine, theirs, sign_in):
    shop = WIRES["integrations/webhooks/"](mine, sign_in)[-1]
    body = signed(theirs.connection.key, mine.connection_secret, id=theirs.customer.external_id)
    answer = shop.ask("post", "/integrations/webhooks/common/customer", body)
    assert answer.status_code == 401 and "quokka" not in text_of(answer)
