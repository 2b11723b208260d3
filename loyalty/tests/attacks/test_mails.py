"""Mails in which everything that people name is a script or wants to be a header: they go to whom they are for, as
plain text, with the headers that we wrote and no others."""

import email
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.urls import reverse

from conftest import StrangerClient, make_customer, staff
from customers import adjustments
from integrations import connections, registry
from integrations.models import Widget
from integrations.widget.tests.conftest import Browser
from loyalty.stores.models import Store, User
from spending import coupon_stock, rewarding
from spending.models import CodePool

from .test_stored_scripts import PAYLOADS

pytestmark = pytest.mark.django_db

BREAKS = ("\r\n", "\n", "\r", "\r\n\t", "\r\n\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029")
NAMES = [f"5 off{line}Bcc: thief@evil.example" for line in BREAKS] + [
    PAYLOADS[0],
    "=?utf-8?q?x=0d=0aBcc:_a@b?=",
    "x" * 100,
]
HEADERS = {"Subject", "From", "To", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}


@pytest.fixture
def unhurried(monkeypatch) -> None:
    monkeypatch.setattr("allauth.core.internal.ratelimit.consume_or_429", lambda *args, **kwargs: None)


def name_everything(store: Store, name: str) -> None:
    Store.objects.filter(pk=store.pk).update(name=name[:100], points_name_plural=name[:30], points_name=name[:30])
    store.refresh_from_db()


# --- All that are sent ------------------------------------------------------------------------


def about_a_shortage(store: Store, name: str) -> str:
    person = staff(store, "owner", "owner@acme.example")
    pool = CodePool.objects.create(store=store, name=name, low_stock_at=5, when_empty="fallback")
    CodePool.objects.filter(pk=pool.pk).update(fallback=pool, low_since="2026-01-01T00:00:00Z")
    coupon_stock.tell_staff(store)
    return person.email


def about_a_reward(store: Store, name: str) -> str:
    """Taken with an old signature."""
    linked, secret = connections.connect(store, registry.get("lootly"))
    Widget.objects.create(store=store, is_enabled=True, legacy="redeem", legacy_daily=5)
    store.widget_origins.create(origin="https://acme.example")
    buyer = make_customer(store, "c7", "james@shop.example", first_name=name[:50], last_name=name[:50])
    adjustments.adjust(store, buyer, Decimal(10), name, actor="test")
    reward = rewarding.create(
        store, "fixed_amount", actor="test", name=name, points=Decimal(1), code_source="generated",
        settings=rewarding.clean_settings("fixed_amount", {"value": "5"}),
    )  # fmt: skip
    page = Browser(StrangerClient(), "https://acme.example")
    assert page.enter_legacy(SimpleNamespace(key=linked.key, secret=secret), "c7").status_code == 200
    answer = page.post("redeem", {"reward_id": str(reward.public_id), "call_id": "call-0001"})
    assert answer.status_code == 200, answer.content
    return buyer.email


def about_an_account() -> str:
    """A forgotten password, a confirmation, an address that has an account already and one that has none."""
    person = User.objects.create_user("ada@example.org", password="a long enough one")
    EmailAddress.objects.create(user=person, email=person.email, primary=True)
    client = StrangerClient()
    passwords = {"password1": "another long one", "password2": "another long one"}
    client.post(reverse("account_reset_password"), {"email": person.email})
    client.post(reverse("account_signup"), {"email": person.email} | passwords)
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.post(reverse("account_email"), {"email": person.email, "action_send": ""})
    assert len(mail.outbox) >= 2
    return person.email


SENT = {"a shortage": about_a_shortage, "a reward": about_a_reward}


def as_sent(message: mail.EmailMessage) -> EmailMessage:
    return email.message_from_bytes(message.message().as_bytes(), policy=default)  # type: ignore[return-value]


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("what", SENT)
def test_a_name_makes_no_header_no_receiver_and_no_page(what, name, store):
    name_everything(store, name)
    check_all(SENT[what](store, name))


def test_mails_about_accounts_are_plain_too(store):
    """Nothing that anybody names is in them."""
    check_all(about_an_account())


def check_all(address: str) -> None:
    assert mail.outbox
    for message in mail.outbox:
        assert message.recipients() == [address]
        sent = as_sent(message)
        assert {*sent.keys()} == HEADERS and len(sent.keys()) == len(HEADERS)
        assert sent["To"] == address and len(message.subject) <= 150
        assert sent.get_content_type() == "text/plain" and not sent.is_multipart()


@pytest.mark.parametrize("line", BREAKS[:3])
def test_an_address_holds_no_other_and_no_header(line, api, store, unhurried):
    for wrong in (
        f"a@shop.example{line}Bcc: b@evil.example",
        "a@shop.example, b@evil.example",
        "a@shop.example;b@x.example",
    ):
        assert api.post("/api/v1/customers", {"external_id": "c9", "email": wrong}).status_code == 400
        client = StrangerClient()
        client.post(reverse("account_reset_password"), {"email": wrong})
        client.post(
            reverse("account_signup"), {"email": wrong, "password1": "a long one !", "password2": "a long one !"}
        )
    assert mail.outbox == [] and not User.objects.exists()


def test_no_mail_has_a_page_in_it():
    """One that had would have to be looked at in a browser here, as pages are."""
    root = Path(settings.BASE_DIR)
    assert [*root.glob("templates/**/email/*.html"), *root.glob("templates/**/*_email.html")] == []
    ours = [root / app for app in ("customers", "earning", "integrations", "loyalty", "spending")]
    sources = [path for app in ours for path in app.rglob("*.py") if "tests" not in path.parts]
    assert len(sources) > 300
    assert [path for path in sources if "html_message" in path.read_text() or "EmailMulti" in path.read_text()] == []
