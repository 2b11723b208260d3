"""Every call that takes a body, on every wire, as a genuine sender makes it.

`mounted` says what the urls have; a call that is mounted and has no example here fails the build.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.urls import get_resolver

from conftest import StrangerClient
from integrations import registry
from integrations.dialects.lootly.calls import CALLS
from integrations.dialects.lootly.events import EVENTS
from integrations.dialects.lootly.tests.conftest import connect as connect_lootly
from integrations.dialects.lootly.tests.signing import KEY, mac_of
from integrations.dialects.loyaltylion.tests.conftest import connect as connect_loyaltylion
from integrations.dialects.openloyalty import credentials
from integrations.dialects.openloyalty.tests.conftest import payload
from integrations.models import Widget, WidgetSecret
from integrations.widget.tests.conftest import ORIGIN, Browser, signature_of
from loyalty import api as native_api
from loyalty.tests.one_of_each import API_OBJECTS

from .bodies import Body, text_of

WRITES = ("post", "put", "patch", "delete")


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    example: dict[str, Any] | None  # None: it takes no body
    headers: dict[str, str] = field(default_factory=dict)
    seal: Callable[[bytes], bytes] = bytes  # what a sender who has the secret makes of a body
    minds: frozenset[str] = frozenset({"type", "coding"})  # of what a body is announced as

    def send(self, raw: bytes, headers: dict[str, str] | None = None) -> HttpResponse:
        sent = {"CONTENT_TYPE": "application/json"} | self.headers | (headers or {})
        return StrangerClient().generic(self.method, self.path, self.seal(raw), **sent)

    def send_example(self) -> HttpResponse:
        return self.send(b"" if self.example is None else text_of(self.example).encode())

    def is_hopeless(self, body: Body) -> bool:
        return self.example is not None and (body.is_hopeless or body.announced_by in self.minds)


Calls = dict[str, Call]


# --- The native API ---------------------------------------------------------------------------

WHO = {"external_id": "c1", "email": "james@shop.example"}
NATIVE: dict[str, Callable[[Any], dict[str, Any]] | None] = {
    "post customers": lambda _: {
        "external_id": "c2", "email": "ada@shop.example", "phone": "+49301234", "card_number": "A-1",
        "first_name": "Ada",
        "last_name": "L", "birthday": "1990-12-10", "tags": ["vip"], "properties": {"shoe": 38}, "enrol": True,
    },
    "patch customers/<path:reference>": lambda _: {
        "first_name": "Jim", "birthday": "1990-12-10", "tags": ["vip"], "properties": {"shoe": 38}, "is_blocked": False,
    },
    "post customers/<path:reference>/enrol": None,
    "post customers/<path:reference>/erase": lambda _: {"reason": "asked"},
    "post adjustments": lambda _: {"customer": WHO, "points": "50", "reason": "Sorry", "external_id": "t-91"},
    "post activities": lambda _: {
        "action": "custom:read", "customer": WHO, "external_id": "a2", "occurred_at": "2026-03-31T14:05:00+02:00",
        "properties": {"album": "summer"}, "points": "5", "state": "pending",
    },
    "post activities/batch": lambda _: {"activities": [{"action": "custom:read", "customer": WHO,
    "external_id": "a3"}]},
    "post activities/<uuid:public_id>/approve": None,
    "post activities/<uuid:public_id>/decline": None,
    "post activities/<uuid:public_id>/void": None,
    "post orders": lambda _: {
        "external_id": "o2", "status": "completed", "customer": WHO | {"is_registered": True}, "total": "39.99",
        "subtotal": "29.99", "tax": "5.00", "shipping": "5.00", "discount": "0", "currency": "EUR", "number": "7",
        "placed_at": "2026-03-31T14:05:00+02:00", "discount_codes": ["X"], "items": [{"product_id": "11",
        "name": "Mug", "quantity": "1"}],
    },
    "post orders/<path:external_id>/refunds": lambda _: {"external_id": "r-7", "amount": "1.00"},
    "post orders/<path:external_id>/cancel": None,
    "post rules": lambda _: {
        "kind": "custom", "name": "Share", "identifier": "share", "points": "100", "text": "Do", "settings": {},
        "active_from": "2026-01-01T00:00:00Z", "limit": "count", "limit_value": "2", "limit_period": "day",
        "tags_any": ["vip"], "approval": "by_hand", "is_enabled": True,
    },
    "patch rules/<uuid:public_id>": lambda _: {"name": "Read more", "points": "12", "tags_any": ["vip"]},
    "post rules/<uuid:public_id>/enable": None,
    "post rules/<uuid:public_id>/disable": None,
    "post rewards": lambda _: {
        "kind": "fixed_amount", "name": "5 off", "points": "500", "settings": {"value": "5"},
        "code_source": "generated",
        "code_prefix": "HI-", "minimum_order": "20", "validity": "days", "validity_count": 30, "customer_limit": 2,
        "customer_limit_period": "month", "position": 1, "is_enabled": True,
    },
    "patch rewards/<uuid:public_id>": lambda _: {"name": "6 off", "points": "400", "settings": {"value": "6"}},
    "post rewards/<uuid:public_id>/enable": None,
    "post rewards/<uuid:public_id>/disable": None,
    "post redemptions": lambda those: {"customer": WHO, "reward": str(those.reward.public_id), "multiplier": 1},
    "post redemptions/check": lambda those: {"customer": WHO, "reward": str(those.reward.public_id), "multiplier": 1},
    "post redemptions/<uuid:public_id>/cancel": lambda _: {"reason": "Taken by mistake"},
    "post redemptions/<uuid:public_id>/use": None,
    "post code-pools": lambda _: {"name": "Six off", "low_stock_at": 50, "when_empty": "refuse"},
    "patch code-pools/<uuid:public_id>": lambda _: {"name": "Seven off", "low_stock_at": 5},
    "post code-imports/<uuid:public_id>/read-as": lambda _: {"encoding": "cp1252", "has_header": False, "code": 0},
    "post code-imports/<uuid:public_id>/confirm": None,
    "post code-imports/<uuid:public_id>/cancel": None,
    "post code-imports/<uuid:public_id>/undo": None,
}  # fmt: skip
FILES = {"post code-pools/<uuid:public_id>/imports"}  # takes a file, no JSON


def native_mounted() -> set[str]:
    views = [(str(one.pattern), one.callback) for one in native_api.urlpatterns if hasattr(one.callback, "actions")]
    return {f"{method} {path}" for path, view in views for method in view.actions if method in WRITES} - FILES


def native(those: Any) -> Calls:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {those.clear_key}"}
    made = {}
    for name, example in NATIVE.items():
        method, _, route = name.partition(" ")
        start = next((start for start in API_OBJECTS if route.startswith(start)), "")
        path = "/api/v1/" + (route.replace(start, API_OBJECTS[start](those)) if start else route)
        made[name] = Call(method.upper(), path, example and example(those), headers)
    return made


# --- Lootly -----------------------------------------------------------------------------------

PERSON = {"id": "c1", "email": "james@shop.example", "first_name": "James", "birthday": "1970-01-01"}
ORDER = {
    "id": "L1", "total_price": "39.99", "subtotal_price": "29.99", "total_tax": "5.00", "total_discounts": "1.00",
    "created_at": "2026-03-31T14:05:00+02:00", "discount_codes": [{"code": "X"}],
    "products": [{"product_id": 11, "product_price": "27.50", "quantity": 2, "categories": [{"category_id": 3}]}],
    "customer": PERSON | {"default_address": {"zip": "1010", "country": "AT"}},
}  # fmt: skip
LOOTLY: dict[str, Callable[[Any], dict[str, Any]]] = {
    "key-verify": lambda _: {"t": 1700000000},
    "app-installed": lambda _: {"shop_url": "https://shop.example/", "api_endpoint": "https://shop.example/x/"},
    "customers-create": lambda _: PERSON,
    **dict.fromkeys(("orders-processing", "orders-paid", "orders-fulfilled", "orders-completed"), lambda _: ORDER),
    **dict.fromkeys(("orders-cancelled", "orders-closed"), lambda _: {"id": "L1"}),
    "refunds-create": lambda _: {"id": "L1", "transactions": [{"id": "r1", "amount": "1.99"}]},
    "rewards-list": lambda _: {"customer_id": "c1", "t": 1700000000},
    "customer": lambda _: {"customer_id": "c1", "email": "james@shop.example"},
    "redeem-reward": lambda those: {"customer_id": "c1", "reward_id": str(those.reward.pk), "call_id": "x1"},
    "point-balances": lambda _: {"customer_ids": ["c1"], "emails": "james@shop.example"},
    "points-add": lambda _: {"customer_id": "c1", "points": "25", "note": "Sorry", "call_id": "x2"},
    "points-subtract": lambda _: {"customer_id": "c1", "points": 1, "note": "Sorry", "call_id": "x3"},
    "customers-update": lambda _: {"customer_id": "c1", "first_name": "Jim", "birthday": "1990-02-28"},
    "custom-action": lambda _: {"customer_id": "c1", "action_id": "read", "points": "5", "call_id": "x4"},
}  # fmt: skip


def lootly_mounted() -> set[str]:
    return set(EVENTS) | {kind.name for kind in CALLS.values()}


def lootly_sealed(raw: bytes) -> bytes:
    """Signed as it stands, where it looks like an object at all."""
    if not (raw.startswith(b"{") and raw.endswith(b"}")):
        return raw
    mac = mac_of(raw.decode("utf-8", "surrogateescape")) if is_text(raw) else "x"
    return raw[:-1] + f',"hmac":"{mac}"}}'.encode()


def is_text(raw: bytes) -> bool:
    try:
        return bool(raw.decode())
    except UnicodeDecodeError:
        return False


def lootly(those: Any) -> Calls:
    connect_lootly(those.store)
    return {
        name: Call(
            "POST", f"/integrations/webhooks/common/{name}", example(those) | {"key": KEY}, seal=lootly_sealed,
            minds=frozenset(),
        )
        for name, example in LOOTLY.items()
    }  # fmt: skip


# --- LoyaltyLion ------------------------------------------------------------------------------

TOLD = {
    "name": "read", "customer_id": "c1", "customer_email": "james@shop.example", "merchant_id": "r2",
    "state": "pending",
    "date": "2025-11-05T09:10:00+0100", "guest": False, "properties": {"rating": 4.5},
}  # fmt: skip
LOYALTYLION = {
    "post activities": ("activities", TOLD),
    "put activity": ("activities/read/r1", {"state": "approved"}),
    "post claimed_rewards": ("customers/c1/claimed_rewards", {"reward_id": 0, "multiplier": 1}),
    "post claimed_reward_refund": ("customers/c1/claimed_rewards/{redemption}/refund", None),
}  # fmt: skip


def loyaltylion_mounted() -> set[str]:
    urlconf = registry.get("loyaltylion").urlconf
    patterns = get_resolver(urlconf).url_patterns
    return {
        f"{method.lower()} {one.name}" for one in patterns for method in one.callback.view_class.scopes
        if method.lower() in WRITES
    }  # fmt: skip


def loyaltylion(those: Any) -> Calls:
    shop = connect_loyaltylion(those.store)
    assert shop.post(TOLD | {"merchant_id": "r1"}).status_code == 201
    made = {}
    for name, (path, example) in LOYALTYLION.items():
        if example and "reward_id" in example:
            example = example | {"reward_id": those.reward.pk}
        path = "/v2/" + path.format(redemption=those.redemption.pk)
        headers = {"HTTP_AUTHORIZATION": shop.authorization}
        made[name] = Call(name.partition(" ")[0].upper(), path, example, headers, minds=frozenset())
    return made


# --- Open Loyalty -----------------------------------------------------------------------------

MEMBER = payload("member-full")
OPENLOYALTY: dict[str, dict[str, Any] | None] = {
    "post api/admin/login_check": {"username": "owner@acme.example", "password": "correct horse battery"},
    "post api/token/refresh": {"refresh_token": ""},
    "post api/admin/<str:admin_id>/api-key": {"apiKey": {"name": "Till", "expirationDate": "2099-05-01T00:00:00Z"}},
    "put api/admin/<str:admin_id>/api-key/<str:key_id>": {"apiKey": {"name": "Till", "expirationDate": None}},
    "delete api/admin/<str:admin_id>/api-key/<str:key_id>": None,
    "patch api/<store_code:code>/settings": payload("settings"),
    "post api/<store_code:code>/settings": {"settings": {"timezone": "Europe/Berlin",
    "expirePointsNotificationDays": 5}},
    "post api/<store_code:code>/member": MEMBER,
    "post api/<store_code:code>/customEvent/schema": payload("event-schema-fields") | {},
    "put api/<store_code:code>/customEvent/schema/<str:event_type>": {
        "customEventSchema": {"name": "Run", "schema": {"fields": [{"name": "km", "type": "number"}]}}
    },
    "post api/<store_code:code>/customEvent/schema/<str:event_type>/active": {"active": False},
    "post api/<store_code:code>/customEvent": {
        "event": payload("event-body")["event"] | {"customerData": {"email": "james@shop.example"}}
    },
}  # fmt: skip


def openloyalty_mounted() -> set[str]:
    found = set()
    for prefix, pattern in flat(get_resolver(registry.get("openloyalty").urlconf).url_patterns):
        if view := getattr(pattern.callback, "cls", None):
            found |= {f"{method} {prefix}{pattern.pattern}" for method in WRITES if hasattr(view, method)}
    return found


def flat(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for one in patterns:
        if hasattr(one, "url_patterns"):
            yield from flat(one.url_patterns, prefix + str(one.pattern))
        else:
            yield prefix, one


def openloyalty(those: Any) -> Calls:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {credentials.new_token(those.owner)}"}
    key, _ = credentials.issue_key(those.owner, "Till", expires_at=None)
    refresh = credentials.issue_refresh(those.owner)
    declared = {"customEventSchema": payload("event-schema-fields")["customEventSchema"] | {"eventType": "run"}}
    Call("POST", f"/api/{those.store.slug}/customEvent/schema", declared, headers).send_example()
    stands = {
        "<str:admin_id>": credentials.admin_id(those.owner), "<str:key_id>": str(key.public_id),
        "<store_code:code>": those.store.slug, "<str:event_type>": "run",
    }  # fmt: skip
    made = {}
    for name, example in OPENLOYALTY.items():
        method, _, path = name.partition(" ")
        if example and "refresh_token" in example:
            example = {"refresh_token": refresh}
        if example and "event" in example:
            example = {"event": example["event"] | {"type": "run"}}
        path = re.sub("<.*?>", lambda holder: stands[holder[0]], path)
        made[name] = Call(method.upper(), f"/{path}", example, headers, minds=frozenset({"coding"}))
    return made


# --- The widget -------------------------------------------------------------------------------


def widget_mounted() -> set[str]:
    """The names of what answers a question with: send a POST."""
    client, found = StrangerClient(), set()
    for one in get_resolver("integrations.widget.public_urls").url_patterns:
        if "<" not in str(one.pattern) and "POST" in client.get(f"/{one.pattern}").get("Allow", ""):
            found.add(one.name)
    return found


def widget(those: Any) -> Calls:
    shown = Widget.objects.get(store=those.store)
    secret, clear = WidgetSecret.issue(those.store)
    those.signing.key, those.signing.key_id, those.signing.secret = shown.key, secret.key_id, clear
    tag = {"api_key": shown.key, "customer_id": "c1", "customer_signature": signature_of(those.signing, "c1")}
    page = Browser(StrangerClient())
    assert page.enter(**tag).status_code == 200
    headers = {"HTTP_ORIGIN": ORIGIN, "HTTP_AUTHORIZATION": f"Bearer {page.token}"}
    examples = {
        "token": tag,
        "redeem": {"reward_id": str(those.reward.public_id), "multiplier": 1, "call_id": "abcdefgh"},
        "join": {},
        "birthday": {"year": 1990, "month": 2, "day": 28},
    }
    return {name: Call("POST", f"/widget/v1/{name}", example, headers) for name, example in examples.items()}


WIRES: dict[str, tuple[Callable[[], set[str]], Callable[[Any], Calls]]] = {
    "native": (native_mounted, native),
    "lootly": (lootly_mounted, lootly),
    "loyaltylion": (loyaltylion_mounted, loyaltylion),
    "openloyalty": (openloyalty_mounted, openloyalty),
    "widget": (widget_mounted, widget),
}
