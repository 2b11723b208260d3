"""Another store's objects named where no address names them: in a query, a form's field, a page's cursor, an
uploaded file; test_bodies.py has the JSON. What may be named there at all is not listed but learned, by watching what
the product reads.

`FAULTS=full` puts every foreign id into every place; the quick size takes some of them for each.
"""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import QueryDict
from django.utils.http import urlencode

from loyalty.tests.one_of_each import changed, fingerprint
from spending import coupon_imports, coupon_steps

from .callers import WIRES, Caller, text_of, without
from .routes import admin_model, below, filled, routes

FORM = "application/x-www-form-urlencoded"


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
