"""Whoever asks whether an address has an account hears the same, and waits as long, whether it has one or not."""

import re
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse

from conftest import PASSWORD
from loyalty.stores.models import Store, User

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "ada@shop.example", "eve@shop.example"
STORE = {"store_name": "Acme", "currency": "EUR", "timezone": "UTC", "domain": ""}


@pytest.fixture
def ada() -> User:
    ada = User.objects.create_user(KNOWN, PASSWORD)
    EmailAddress.objects.create(user=ada, email=KNOWN, primary=True, verified=True)
    return ada


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The passwords that were hashed, which is what takes the time."""
    words: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda self, word, salt: words.append(word) or encode(self, word, salt)
    )
    return words


def heard(name: str, told: dict[str, str]) -> tuple:
    """All that a caller can tell apart: status, headers, cookies, and the text of this page and the next."""
    client = Client()
    answer = client.post(reverse(name), told)
    pages = [answer, *([client.get(answer.url)] if answer.status_code == 302 else [])]
    return (
        [page.status_code for page in pages],
        [{key: plain(value, told) for key, value in page.headers.items()} for page in pages],
        sorted(client.cookies),
        [plain(page.content.decode(), told) for page in pages],
    )


def plain(text: str, told: dict[str, str]) -> str:
    """Without what differs each time, and without the address that the caller wrote."""
    text = text.replace(told.get("login") or told["email"], "ADDRESS")
    text = re.sub(r'(name="csrfmiddlewaretoken" value|name="csrf-token" content)="\w+"', "", text)
    return re.sub(r"nonce-[\w+/=-]+", "", text)


def test_signing_in(ada, hashed):
    told = {"password": "not this one at all"}
    answers = [heard("account_login", told | {"login": KNOWN}), heard("account_login", told | {"login": UNKNOWN})]
    User.objects.update(is_active=False)
    answers.append(heard("account_login", told | {"login": KNOWN}))
    assert answers[0] == answers[1] == answers[2]
    assert hashed == ["not this one at all"] * 3
    assert "The e-mail address or the password is wrong." in answers[0][3][0]


def test_signing_in_too_often(ada):
    told = {"password": "not this one at all"}
    for _ in range(5):
        known, unknown = (heard("account_login", told | {"login": email}) for email in (KNOWN, UNKNOWN))
    known, unknown = (heard("account_login", told | {"login": email}) for email in (KNOWN, UNKNOWN))
    assert known[0] == unknown[0] == [429]
    assert known == unknown


def test_signing_up(ada, hashed, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # as where mail can be sent
    told = STORE | {"password1": "a long enough one"}
    known, unknown = (heard("account_signup", told | {"email": email}) for email in (KNOWN, UNKNOWN))
    assert known == unknown
    assert hashed == ["a long enough one"] * 2
    assert [message.subject for message in mail.outbox] == [
        "You have an account already",
        "Confirm your e-mail address",
    ]
    assert Store.objects.count() == 1 and User.objects.count() == 2
    assert ada.check_password(PASSWORD)


def test_asking_for_a_new_password(ada, hashed):
    known, unknown = (heard("account_reset_password", {"email": email}) for email in (KNOWN, UNKNOWN))
    assert known == unknown
    assert hashed == [] and len(mail.outbox) == 2


def test_asking_for_many_new_passwords(ada):
    for _ in range(6):
        known, unknown = (heard("account_reset_password", {"email": email}) for email in (KNOWN, UNKNOWN))
    assert known == unknown
    assert len(mail.outbox) == 10  # five an hour for each address


def test_where_mail_can_be_sent_addresses_are_confirmed_before_anything_is_told(settings):
    asked = "from django.conf import settings; print(settings.ACCOUNT_EMAIL_VERIFICATION)"
    env = {"DJANGO_SETTINGS_MODULE": "loyalty.settings", "SECRET_KEY": "x", "SITE_URL": "https://loyalty.example.com"}

    def said(**more: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", asked], env=env | more, cwd=settings.BASE_DIR, check=True, capture_output=True
        ).stdout.decode()

    assert said(EMAIL_URL="smtp://mail.example.com") == "mandatory\n"
    assert said() == "optional\n"
