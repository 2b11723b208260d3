"""Keys, secrets, exports, erasing, people's roles, addresses and second steps ask anew who it is.

A new route that sounds like one of them says in the tables below whether it asks, or why it need not.
"""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse

from .one_of_each import changed, everything
from .tenancy.routes import filled, routes

pytestmark = pytest.mark.django_db
SOUNDS_PROTECTED = re.compile(
    "keys|secret|people|two-steps|export|erase|rotate|connect/|sessions|^accounts/.*(2fa|email|password)"
    "|^admin/(stores|account)/"
)
S = "s/<slug:slug>/"

# What is sent to each: enough for it to go through, if it did not ask.
ASKS: dict[str, dict[str, str]] = {
    f"{S}settings/keys/": {"name": "Till", "scopes": "read"},
    f"{S}settings/people/": {"email": "owner@rival.example", "role": "manager"},
    f"{S}settings/people/<int:pk>/remove/": {},
    f"{S}settings/people/two-steps/": {"needs": "no"},
    f"{S}spending/codes/<uuid:public_id>/export/": {},
    f"{S}settings/changes/export/": {},
    f"{S}customers/<uuid:public_id>/export/": {},
    f"{S}customers/<uuid:public_id>/erase/": {"reason": "asked", "word": "erase"},
    f"{S}integrations/connect/<slug:dialect>/": {"name": "Shop"},
    f"{S}integrations/fulfilment/secret/": {},
    f"{S}integrations/<uuid:public_id>/rotate/": {},
    f"{S}integrations/<uuid:public_id>/keys/": {"name": "Till"},
    f"{S}display/install/secrets/": {},
    "accounts/email/": {"email": "owner@acme.example", "action_remove": ""},
    "accounts/2fa/totp/activate/": {},
    "accounts/2fa/totp/deactivate/": {},
    "accounts/2fa/recovery-codes/": {},
    "accounts/2fa/recovery-codes/generate/": {},
    "accounts/2fa/recovery-codes/download/": {},
    "accounts/2fa/webauthn/add/": {},
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": {},
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": {"name": "Mine"},
    "admin/customers/customer/<path:object_id>/erase/": {"reason": "asked", "word": "erase"},
}
BY_GET = {
    f"{S}spending/codes/<uuid:public_id>/export/",
    f"{S}settings/changes/export/",
    "accounts/2fa/recovery-codes/",
    "accounts/2fa/recovery-codes/download/",
}
NEED_NOT = {
    f"{S}settings/keys/<int:pk>/revoke/": "stopping what leaked must be quick",
    f"{S}integrations/<uuid:public_id>/keys/<int:pk>/revoke/": "the same",
    f"{S}display/install/secrets/<int:pk>/retire/": "the same",
    "accounts/sessions/": "the same: it ends sessions and gives nothing",
    "accounts/two-steps/": "says where it is set up",
    "accounts/confirm-email/": "says that a mail was sent",
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": "the mailed link is the proof",
    "accounts/password/change/": "asks for the present password itself",
    "accounts/password/set/": "only for who has none",
    "accounts/password/reset/": "sends a mail",
    "accounts/password/reset/done/": "says so",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "the mailed link is the proof",
    "accounts/password/reset/key/done/": "says so",
    "accounts/2fa/": "shows what is on",
    "accounts/2fa/authenticate/": "is the second step",
    "accounts/2fa/reauthenticate/": "is the question",
    "accounts/2fa/webauthn/": "shows their names",
    "accounts/2fa/webauthn/reauthenticate/": "is the question",
    "accounts/2fa/webauthn/login/": "is the sign-in",
}


def of_people(route: str) -> bool:
    """Pages of the support admin on stores, their people, keys and addresses: all of them ask before a change."""
    return route.startswith(("admin/stores/", "admin/account/"))


def test_every_route_that_sounds_protected_says_whether_it_asks():
    pages = [route for route in routes() if not route.startswith("api/")]  # keys have scopes
    found = {route for route in pages if SOUNDS_PROTECTED.search(route) and not of_people(route)}
    assert found - set(ASKS) - set(NEED_NOT) == set(), "say in ASKS or NEED_NOT"
    assert set(ASKS) | set(NEED_NOT) <= set(routes())


def test_who_signed_in_long_ago_is_asked_before_anything_happens(store, stranger, owner, theirs, sign_in):
    owner.is_staff = owner.is_superuser = True
    owner.save()
    EmailAddress.objects.filter(user=owner).update(primary=True, verified=True)
    TOTP.activate(owner, generate_totp_secret())
    RecoveryCodes.activate(owner)
    client = sign_in(owner, long_ago=True)
    client.get("/")
    before, went_through = everything(), []
    for route in [*ASKS, *filter(of_people, routes())]:
        path = filled(route, theirs)
        answer = client.get(path) if route in BY_GET else client.post(path, ASKS.get(route, {}))
        if answer.status_code != 302 or not answer.url.startswith(reverse("account_reauthenticate")):
            went_through.append((route, answer.status_code))
    assert went_through == []
    assert changed(before, everything()) == set()


def test_after_the_password_it_goes_on_by_itself_and_is_not_asked_again(store, owner, sign_in):
    client = sign_in(owner, long_ago=True)
    address = reverse("stores:key_list", args=[store.slug])
    asked = client.post(address, {"name": "Till", "scopes": "read"})
    page = client.post(asked.url, {"password": "correct horse battery", "next": address})
    assert 'id="new-key">lk_' in page.text and page["Cache-Control"] == "no-store"
    assert store.api_keys.get().name == "Till"
    assert "new-key" in client.post(address, {"name": "Second till", "scopes": "read"}).text


def test_signing_in_is_an_answer_for_a_quarter_of_an_hour(client, store, owner, time_machine):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    client.post(reverse("account_login"), {"login": owner.email, "password": "correct horse battery"})
    address = reverse("stores:key_list", args=[store.slug])
    assert client.post(address, {"name": "Till", "scopes": "read"}).status_code == 200
    time_machine.shift(901)
    assert client.post(address, {"name": "Till", "scopes": "read"}).status_code == 302


def test_who_just_signed_up_is_not_asked(client, db):
    told = {"email": "hanna@nordlicht.example", "password1": "correct horse battery", "store_name": "Nordlicht"}
    client.post(reverse("account_signup"), told | {"currency": "EUR", "timezone": "UTC", "domain": ""})
    page = client.post(reverse("stores:key_list", args=["nordlicht"]), {"name": "Till", "scopes": "read"})
    assert 'id="new-key">lk_' in page.text
