"""Inside a store: a role or a key without the right is refused on every route that needs it, and changes nothing."""

import pytest
from django.db import transaction

from conftest import staff
from loyalty.stores.models import ApiKey
from loyalty.tests.one_of_each import changed, fingerprint

from .callers import AWAY, NO_RIGHT, Caller, bearer, caller
from .routes import below, filled

# Support helps customers; all the rest of what a store's pages change is for owners and managers.
SUPPORT_MAY = ("activity/", "attention/", "customers/", "redemptions/", "integrations/calls/")


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_a_role_without_the_right_changes_nothing(role, store, theirs, sign_in):
    person = caller(role, NO_RIGHT, sign_in(staff(store, role)))
    before, reached = fingerprint(store), []
    with transaction.atomic():
        for route in below("s/<slug:slug>/"):
            if role == "support" and route.removeprefix("s/<slug:slug>/").startswith(SUPPORT_MAY):
                continue
            if (status := person.ask("post", filled(route, theirs)).status_code) not in AWAY | NO_RIGHT:
                reached.append((route, status))
        after = fingerprint(store)
        transaction.set_rollback(True)
    assert reached == []
    assert changed(before, after) == set()


def calls() -> list[tuple[str, str]]:
    return [(route, method) for route in below("api/v1/") for method in ("get", "post", "patch")]


def refused(key: Caller, theirs) -> set[tuple[str, str]]:
    return {
        (route, method) for route, method in calls() if key.ask(method, filled(route, theirs)).status_code in NO_RIGHT
    }  # fmt: skip


def test_every_call_needs_one_scope_and_a_key_without_it_changes_nothing(store, theirs):
    def key_with(*scopes: str) -> Caller:
        return bearer("key", ApiKey.issue(store, "weak", list(scopes))[1], NO_RIGHT)

    nothing = key_with()
    before = fingerprint(store) | {"stores_apikey": ""}
    guarded = refused(nothing, theirs)
    assert len(guarded) > 40
    assert changed(before, fingerprint(store) | {"stores_apikey": ""}) == set()
    seen = []
    for scope in ApiKey.Scope:
        with transaction.atomic():
            seen += refused(key_with(*(other for other in ApiKey.Scope if other != scope)), theirs)
            transaction.set_rollback(True)
    assert sorted(seen) == sorted(guarded)  # each call by one of them, none by two
