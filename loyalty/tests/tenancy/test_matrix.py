"""Every route, asked by everyone of another store and by nobody, for an object of this store: no answer, no change.

The tables of routes.py and callers.py say what stands in a route's place-holders and who asks. A new route without a
row fails the build.
"""

import pytest
from django.db import transaction
from django.http import HttpResponse

from conftest import sized
from loyalty.tests.one_of_each import changed, fingerprint

from .callers import WIRES, Caller, text_of, wire_of
from .routes import filled, names_an_object, routes

METHODS = ["get", "post"]  # of pages; the rest are 405 at once
ALL_METHODS = ["get", "post", "put", "patch", "delete"]
BY_SLUG = ("s/<slug:slug>/", "api/<store_code:code>/")
# Said the same to everybody, whatever it names: how a shop's call is answered before it is known whose it is.
SAID_TO_ALL = {"accounts/", "demo/", "integrations/webhooks/", "js/", "widget/"}


def routes_of(wire: str) -> list[str]:
    return sorted((route for route in dict.fromkeys(routes()) if wire_of(route) == wire), key=lambda r: "logout" in r)


def asked(caller: Caller, wire: str, theirs, mine) -> list[tuple]:
    """What was wrong with the answers to this caller."""
    wrong = []
    methods = METHODS if wire.startswith(("s/", "admin", "accounts")) and sized(1, 2) == 1 else ALL_METHODS
    for route in routes_of(wire):
        for path, is_foreign in addresses(route, theirs, mine):
            for method in methods:
                answer = caller.ask(method, path)
                is_refused = not is_foreign or answer.status_code in caller.refusals or wire in SAID_TO_ALL
                if answer.status_code >= 500 or not is_refused or tells(answer, path):
                    wrong.append((method, path, answer.status_code))
    return wrong


def addresses(route: str, theirs, mine) -> list[tuple[str, bool]]:
    """With an object of theirs, or none; and whether that must be refused."""
    by_slug, names_one = route.startswith(BY_SLUG), names_an_object(route)
    asked = [(filled(route, theirs), by_slug or names_one)]
    if route.startswith("images/"):
        asked = []  # shoppers of the store see it: there is no secret in its own address
    if names_one and (by_slug or not asked):
        asked.append((filled(route, theirs, slug=mine.store.slug), True))  # their slug, our object
    return asked


def tells(answer: HttpResponse, path: str) -> bool:
    """Does the answer say anything of theirs that the question did not?"""
    said = text_of(answer)
    for part in path.lower().split("/"):
        said = said.replace(part, "") if "quokka" in part else said
    return "quokka" in said


@pytest.mark.parametrize("wire", WIRES)
def test_nobody_of_another_store_reaches_an_object(wire, store, theirs, mine, sign_in):
    before, count = fingerprint(store), 0
    for caller in WIRES[wire](mine, sign_in):
        with transaction.atomic():
            wrong = asked(caller, wire, theirs, mine)
            after = fingerprint(store)
            transaction.set_rollback(True)
        assert wrong == [], caller.name
        assert changed(before, after) == set(), caller.name
        count += 1
    assert count >= 1 and routes_of(wire)


def test_every_route_belongs_to_a_wire_and_every_wire_has_routes():
    assert {wire_of(route) for route in routes()} == set(WIRES)


def test_the_objects_are_there_for_their_own_store(theirs, sign_in):
    """Else the refusals above would say nothing: the owner sees each page."""
    client, missing = sign_in(theirs.member.user), []
    for route in routes_of("s/<slug:slug>/"):
        answer = client.get(filled(route, theirs))
        if answer.status_code not in (200, 302, 405):
            missing.append((route, answer.status_code))
    assert missing == []
