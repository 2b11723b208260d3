"""Another store's objects named where no address names them: in a query, a form's field, a JSON body, a page's cursor,
an uploaded file. What may be named there at all is not listed but learned, by watching what the product reads.

`FAULTS=full` puts every foreign id into every place; the quick size takes some of them for each.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import QueryDict
from django.utils.http import urlencode

from conftest import sized
from integrations.dialects.lootly.calls import KINDS
from integrations.dialects.lootly.tests.signing import signed
from integrations.dialects.loyaltylion.tests.conftest import PAYLOADS as LION
from integrations.dialects.openloyalty.tests.conftest import PAYLOADS as OPEN
from spending import coupon_imports, coupon_steps

from .callers import WIRES, Caller
from .objects import changed, fingerprint, text_of
from .routes import admin_model, below, filled, routes

EACH = sized(1, 1_000)  # how many of the foreign ids each place gets
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def foreign(theirs) -> list[str]:
    """Whatever names an object of theirs: by our ids and by the shop's."""
    rows = [row for row in vars(theirs).values() if hasattr(row, "pk")]
    ids = [str(row.public_id) for row in rows if hasattr(row, "public_id")]
    names = [theirs.customer.external_id, theirs.customer.email, theirs.order_id, theirs.redemption.code]
    prefixed = [f"external_id:{theirs.customer.external_id}", f"email:{theirs.customer.email}"]
    return [*ids, *{str(row.pk) for row in rows}, *names, *prefixed, theirs.key.prefix, theirs.widget.key]


@pytest.fixture
def learned(monkeypatch) -> set[str]:
    """The names that were looked for in a query or a form since this was emptied."""
    names: set[str] = set()
    for method in ("get", "getlist", "__getitem__"):
        original = getattr(QueryDict, method)

        def watched(self, name, *args, original=original, **kwargs):
            names.add(name)
            return original(self, name, *args, **kwargs)

        monkeypatch.setattr(QueryDict, method, watched)
    return names


@pytest.fixture
def probe(foreign) -> Callable[..., None]:
    """Ask as somebody else, with foreign ids in one place; nothing of theirs may be told."""
    turn = itertools.cycle(foreign)

    def ask(caller: Caller, method: str, path: str, fill: Callable[[str], tuple[str, bytes]], kind: str) -> None:
        for value in itertools.islice(turn, min(EACH, len(foreign))):
            query, body = fill(value)
            answer = caller.ask(method, path + query, body, kind)
            said, where = text_of(answer), (method, path + query, body[:500], value)
            assert answer.status_code < 500, where
            assert "quokka" not in without(said, value), (*where, said[:2000])

    return ask


@pytest.fixture
def unmoved(theirs) -> Callable[[], AbstractContextManager[None]]:
    """Whatever is done inside moves no row of theirs, and is undone."""
    before = fingerprint(theirs.store)

    @contextmanager
    def watched() -> Iterator[None]:
        with transaction.atomic():
            yield
            after = fingerprint(theirs.store)
            transaction.set_rollback(True)
        assert changed(before, after) == set()

    return watched


def without(said: str, value: str) -> str:
    """What was asked may be said again, in whatever way it is written there."""
    for part in re.split(r"[^a-z0-9]+", value.lower()):
        said = said.replace(part, "") if "quokka" in part else said
    return said


class Fields(HTMLParser):
    """The values that a page's forms would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        if tag in ("input", "textarea", "select") and (name := told.get("name")):
            is_off = told.get("type") in ("checkbox", "radio") and "checked" not in told
            if not is_off:
                self.found[name] = told.get("value") or ""


def in_query(name: str) -> Callable[[str], tuple[str, bytes]]:
    return lambda value: (f"?{urlencode({name: value})}", b"")


def in_form(name: str, base: dict[str, str]) -> Callable[[str], tuple[str, bytes]]:
    return lambda value: ("", urlencode(base | {name: value}).encode())


def test_in_queries_and_fields_of_pages(mine, learned, probe, unmoved, sign_in):
    owner = WIRES["s/<slug:slug>/"](mine, sign_in)[0]
    places = 0
    for route in below("s/<slug:slug>/"):
        with unmoved():
            places += probe_page(owner, filled(route, mine), learned, probe)
    assert places > 60


def probe_page(owner: Caller, path: str, learned: set[str], probe: Callable) -> int:
    """Each name that the page looks for in a query or in what its form sends. Returns how many."""
    learned.clear()
    page = owner.ask("get", path)
    in_queries = sorted(learned)
    for name in in_queries:
        probe(owner, "get", path, in_query(name), "")
    base = Fields(page.getvalue().decode(errors="replace")).found if page.status_code == 200 else {}
    learned.clear()
    with transaction.atomic():
        owner.ask("post", path, urlencode(base).encode(), FORM)
        transaction.set_rollback(True)
    in_forms = sorted(learned - {"csrfmiddlewaretoken"})
    for name in in_forms:
        probe(owner, "post", path, in_form(name, base), FORM)
    return len(in_queries) + len(in_forms)


def test_in_queries_of_calls(mine, learned, probe, unmoved, sign_in):
    """Each wire's own words for its filters."""
    places = 0
    for wire, start in ("api/v1", "api/v1/"), ("^v2/", "^v2/"), ("api", "api/"), ("widget/", "widget/v1/"):
        first = WIRES[wire](mine, sign_in)[0]
        for route in below(start):
            path = filled(route, mine)
            learned.clear()
            first.ask("get", path)
            names = sorted(learned | ({"customer", "customer_id", "customerId"} if learned else set()))
            for name in names:
                probe(first, "get", path, in_query(name), "")
            places += len(names)
    assert places > 60


def test_in_lists_searches_and_actions_of_the_support_admin(mine, probe, unmoved, sign_in):
    support = WIRES["admin/"](mine, sign_in)[0]
    for route in routes():
        model = admin_model(route) if route.startswith("admin/") and route.count("/") == 3 else None
        if model is None:
            continue
        support.ask("get", f"/{route}?q=quokka")
        options = admin.site.get_model_admin(model)
        names = [field.name for field in model._meta.fields if field.is_relation] + ["id", "q"]
        for name in names:
            probe(support, "get", f"/{route}", in_query(name), "")
        with unmoved():
            for action in options.actions or ():
                told = {"action": action if isinstance(action, str) else action.__name__}
                probe(support, "post", f"/{route}", in_form("_selected_action", told), FORM)
    asked = {"app_label": "stores", "model_name": "staffmember", "field_name": "store", "term": "quokka"}
    said = text_of(support.ask("get", f"/admin/autocomplete/?{urlencode(asked)}"))
    assert "quokka" not in said
    assert "quokka" not in without(text_of(support.ask("get", "/admin/search/?s=quokka")), "quokka")


# --- JSON bodies --------------------------------------------------------------------------------


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


# --- Cursors and files --------------------------------------------------------------------------


def test_a_cursor_of_another_store_leads_to_the_own_rows_only(mine, theirs, sign_in):
    ours, own = WIRES["api/v1"](theirs, sign_in)[0], WIRES["api/v1"](mine, sign_in)[0]
    followed = 0
    for route in below("api/v1/"):
        answer = ours.ask("get", filled(route, theirs) + "?limit=1")
        following = answer.status_code == 200 and answer.get("Content-Type") == "application/json" and answer.json()
        if not following or "next" not in following:
            continue
        cursor = (following["next"] or "cursor=YmVmb3JlOjk5OTk5OQ").partition("cursor=")[2].partition("&")[0]
        answer = own.ask("get", filled(route, mine) + f"?limit=500&cursor={cursor}")
        assert answer.status_code == 200 and "quokka" not in text_of(answer), route
        followed += 1
    assert followed >= 8


def test_a_file_with_codes_of_another_store_says_nothing_of_them(mine, theirs, sign_in):
    """They are as new here as any other, and stay as they were there."""
    before = fingerprint(theirs.store)
    content = f"{theirs.code.code}\n{theirs.redemption.code}\nNEW-1\n".encode()
    caller = WIRES["api/v1"](mine, sign_in)[0]
    answer = caller.ask("post", filled("api/v1/code-pools/<uuid:public_id>/imports", mine), content, "text/csv")
    assert answer.status_code == 202
    coupon_steps.work(mine.store.pk)
    row = mine.store.coupon_imports.get(public_id=answer.json()["id"])
    assert (row.state, row.new, row.known, row.duplicate, row.invalid) == ("checked", 3, 0, 0, 0)
    coupon_imports.confirm(row)
    coupon_steps.work(mine.store.pk)
    assert mine.store.coupon_codes.filter(code=theirs.code.code).count() == 1
    refused = caller.ask("post", filled("api/v1/code-pools/<uuid:public_id>/imports", theirs), content, "text/csv")
    assert refused.status_code == 404
    assert changed(before, fingerprint(theirs.store)) == set()
