"""Pages of elsewhere: they may not read an answer, not send a form, and no look changes anything."""

from itertools import cycle

import pytest
from django.conf import settings
from django.test import Client

from conftest import PASSWORD, sized
from integrations.models import Widget
from loyalty.tests.one_of_each import changed, everything, routes
from loyalty.tests.test_headers import filled

ORIGINS = [
    "https://evil.example", "null", "http://acme.example", "https://acme.example.evil.example",
    "https://evilacme.example",
    "https://sub.acme.example", "https://acme.example:8443", "https://ACME.example", "https://acme.example.", "file://",
    "https://acme.example@evil.example", "https://rival.example",
]  # fmt: skip
PUBLIC = ("js/", "widget/v1/files/")  # code that is the same for everybody, fetched without cookies
MOVED_BY_LOOKING = {"stores_user", "stores_auditrecord"}  # that somebody was here, and looked at what is noted
LEAVES = ("accounts/logout", "admin/logout")


@pytest.fixture
def person(store, owner, those, sign_in) -> Client:
    """The store's owner in a browser, who is a superuser too."""
    owner.is_staff = owner.is_superuser = True
    owner.save()
    Widget.objects.filter(store=store).update(is_enabled=True)
    return sign_in(owner)


def paths(store, those) -> dict[str, str]:
    """An address of each route."""
    return {
        route: "/" + filled(route, store, those) for route in dict.fromkeys(routes()) if not route.startswith(LEAVES)
    }


def test_no_page_of_elsewhere_may_read_an_answer(person, store, those):
    origins, readable = cycle(ORIGINS), []
    for route, path in paths(store, those).items():
        for _ in range(sized(1, len(ORIGINS))):
            origin = next(origins)
            for method in ("get", "options"):
                headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
                answer = getattr(person, method)(path, headers=headers)
                allowed = {answer.get("Access-Control-Allow-Origin"), answer.get("Access-Control-Allow-Credentials")}
                # Some store's own page may ask before it calls; which store's is known with the call.
                is_neighbour = origin == "https://rival.example" and route.startswith("widget/v1/")
                if allowed != {None} and not route.startswith(PUBLIC) and not is_neighbour:
                    readable.append((route, origin, method, allowed))
    assert readable == []


def test_a_form_of_elsewhere_changes_nothing(store, owner, those):
    """Without the token of our own pages nothing is taken but what brings a credential of its own."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    before, taken = everything(), []
    for route, path in paths(store, those).items():
        status = browser.post(path, {"name": "Eve"}, headers={"Origin": "https://evil.example"}).status_code
        if status < 400 and not (status in (301, 302) and route == "admin"):
            taken.append((route, status))
    assert taken == []
    assert changed(before, everything()) == set()


def test_a_token_does_not_help_a_page_of_elsewhere(store, owner, those):
    browser = Client(enforce_csrf_checks=True)
    sign_in = {"login": owner.email, "password": PASSWORD}
    browser.get("/accounts/login/")
    token = {"csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME].value}
    for origin in ORIGINS:
        answer = browser.post("/accounts/login/", sign_in | token, headers={"Origin": origin})
        assert answer.status_code == 403, origin


def test_looking_changes_nothing(person, store, those):
    before, failed = everything(), []
    for route, path in paths(store, those).items():
        if (status := person.get(path).status_code) >= 500:
            failed.append((route, status))
    assert failed == []
    assert changed(before, everything()) - MOVED_BY_LOOKING == set()
