"""Signing in and the account's own pages, in the product's words."""

import re

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.urls import reverse

from loyalty.stores.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"


@pytest.fixture
def person():
    person = User.objects.create_user("ada@example.org", password=PASSWORD)
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    return person


def test_a_wrong_password_is_told_in_plain_words(client, person):
    page = client.post(reverse("account_login"), {"login": person.email, "password": "not this one"})
    assert "The e-mail address or the password is wrong." in page.text


def test_a_forgotten_password_is_set_anew_through_the_mailed_link(client, person):
    client.post(reverse("account_reset_password"), {"email": person.email})
    message = mail.outbox[-1]
    assert message.subject == "Set a new password" and "!" not in message.body
    page = client.get(re.search(r"http\S+(/accounts/\S+)", message.body)[1], follow=True)
    assert "New password again" in page.text
    new = {"password1": "another long one", "password2": "another long one"}
    client.post(page.redirect_chain[-1][0], new)
    person.refresh_from_db()
    assert person.check_password("another long one")


def test_two_step_sign_in_asks_for_a_confirmed_address_and_says_so(client, person):
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"), follow=True)
    assert "Confirm your e-mail address first" in page.text


def test_the_page_of_addresses_sends_the_confirmation(client, person):
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    mail.outbox.clear()
    assert "Not confirmed" in client.get(reverse("account_email")).text
    client.post(reverse("account_email"), {"email": person.email, "action_send": ""})
    assert [message.subject for message in mail.outbox] == ["Confirm your e-mail address"]


def test_two_step_sign_in_from_turning_it_on_to_a_recovery_code(client, person):
    EmailAddress.objects.update(verified=True)
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    shown = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    codes = re.search(r"<pre[^>]*>(.*?)</pre>", shown.text, re.DOTALL)[1].split()
    assert len(codes) == 10 and codes[0].isalnum()
    client.post(reverse("account_logout"))
    asked = client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD}, follow=True)
    assert "The second step" in asked.text and "placeholder" not in asked.text
    assert client.post(reverse("mfa_authenticate"), {"code": codes[0]}).url == reverse("home")
    assert "9 of 10 codes are left" in client.get(reverse("mfa_index")).text


@pytest.mark.parametrize(("is_behind_proxy", "address"), [(True, "203.0.113.7"), (False, "127.0.0.1")])
def test_tries_to_sign_in_are_counted_by_the_callers_own_address(rf, settings, is_behind_proxy, address):
    settings.BEHIND_PROXY = is_behind_proxy
    request = rf.get("/", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
    assert get_adapter().get_client_ip(request) == address
