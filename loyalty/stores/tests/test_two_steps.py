"""Two-step sign-in where a store or the support admin asks for it: nothing is shown before, nobody is locked out."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.urls import reverse

from conftest import PASSWORD, staff
from loyalty.stores.models import AccountRecord, Store

pytestmark = pytest.mark.django_db


def set_up(user) -> None:
    TOTP.activate(user, generate_totp_secret())


def switch(client, store, needs: str):
    return client.post(reverse("stores:two_steps_switch", args=[store.slug]), {"needs": needs}, follow=True)


def asks(store) -> bool:
    return Store.objects.get(pk=store.pk).needs_two_steps


def test_an_owner_turns_it_on_only_after_setting_it_up(store, owner, sign_in):
    client = sign_in(owner)
    assert "Set it up for yourself first" in switch(client, store, "yes").text
    assert not asks(store)
    set_up(owner)
    page = switch(client, store, "yes")
    assert "Acme asks its people for two-step sign-in." in page.text and asks(store)
    assert "no longer asks" in switch(client, store, "no").text
    assert not asks(store)


@pytest.mark.parametrize("role", ["manager", "support", "viewer"])
def test_only_an_owner_decides(request, store, owner, sign_in, role):
    user = request.getfixturevalue(role)
    set_up(user)
    assert switch(sign_in(user), store, "yes").status_code == 403
    assert not asks(store)
    assert "Two-step sign-in for everybody here" not in people(sign_in(user), store)


def people(client, store) -> str:
    return client.get(reverse("stores:staff_list", args=[store.slug])).text


def test_the_list_of_people_says_who_signs_in_with_a_password_only(store, owner, manager, sign_in):
    set_up(owner)
    page = people(sign_in(owner), store)
    assert page.count("Two steps") == 1 and page.count("Password only") == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_has_a_password_only_sees_and_changes_nothing(store, other_store, manager, sign_in, method):
    Store.objects.filter(pk=store.pk).update(needs_two_steps=True)
    client = sign_in(manager)
    asked = getattr(client, method)(reverse("stores:store_update", args=[store.slug]), {"name": "Changed"})
    assert asked.url.startswith(reverse("stores:two_steps"))
    assert Store.objects.get(pk=store.pk).name == "Acme"
    polled = client.get(reverse("overview", args=[store.slug]), headers={"HX-Request": "true"})
    assert polled["HX-Redirect"].startswith(reverse("stores:two_steps"))
    assert client.get(reverse("overview", args=[other_store.slug])).status_code == 404  # strangers learn nothing


def test_from_being_asked_to_the_recovery_codes_and_into_the_store(client, store):
    user = staff(store, "support", "sue@acme.example")
    Store.objects.filter(pk=store.pk).update(needs_two_steps=True)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    page = client.get(reverse("overview", args=[store.slug]), follow=True)
    assert "Acme asks for it" in page.text and "1. Confirm your e-mail address" in page.text
    EmailAddress.objects.update(verified=True)
    assert "Confirm your e-mail" not in client.get(page.request["PATH_INFO"]).text
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    shown = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    assert len(re.search(r"<pre[^>]*>(.*?)</pre>", shown.text, re.DOTALL)[1].split()) == 10
    assert client.get(reverse("overview", args=[store.slug])).status_code == 200
    assert client.get(reverse("stores:two_steps"), {"next": "/s/acme/activity/"}).url == "/s/acme/activity/"
    assert client.get(reverse("stores:two_steps"), {"next": "https://evil.example/"}).url == reverse("home")


def test_who_turns_it_off_is_asked_again(store, owner, sign_in):
    set_up(owner)
    Store.objects.filter(pk=store.pk).update(needs_two_steps=True)
    client = sign_in(owner)
    assert client.get(reverse("overview", args=[store.slug])).status_code == 200
    client.post(reverse("mfa_deactivate_totp"))
    assert client.get(reverse("overview", args=[store.slug])).status_code == 302


def test_other_stores_of_the_same_person_stay_open(store, other_store, owner, sign_in):
    other_store.staff.create(user=owner, role="viewer")
    Store.objects.filter(pk=store.pk).update(needs_two_steps=True)
    client = sign_in(owner)
    assert client.get(reverse("overview", args=[other_store.slug])).status_code == 200
    assert store.name in client.get(reverse("stores:store_list")).text


@pytest.mark.parametrize("page", ["index", "customers_customer_changelist", "stores_user_changelist"])
def test_the_support_admin_asks_for_it_where_it_is_set_so(settings, owner, sign_in, page):
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client = sign_in(owner)
    assert client.get(reverse(f"admin:{page}")).status_code == 200
    settings.SUPPORT_NEEDS_TWO_STEPS = True
    asked = client.get(reverse(f"admin:{page}"), follow=True)
    assert "The support admin asks for it" in asked.text
    set_up(owner)
    assert client.get(reverse(f"admin:{page}")).status_code == 200


def test_a_passkey_is_renamed_by_its_owner_only_and_that_is_written_down(owner, manager, sign_in):
    passkey = Authenticator.objects.create(user=owner, type=Authenticator.Type.WEBAUTHN, data={"name": "Old"})
    at = reverse("mfa_edit_webauthn", args=[passkey.pk])
    assert sign_in(manager).post(at, {"name": "Stolen"}).status_code == 404
    assert sign_in(owner).post(at, {"name": "Desk"}).status_code == 302
    assert Authenticator.objects.get().data["name"] == "Desk"
    record = AccountRecord.objects.get()
    assert (record.action, record.object_name, record.actor) == ("account:passkey_renamed", "Desk", owner.email)
