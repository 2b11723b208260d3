"""Secrets of every kind are made, used, misused and part of failures; nowhere is one to be found afterwards."""

import base64
import logging
import re
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.urls import reverse

from conftest import PASSWORD, StrangerAPIClient, StrangerClient, see, sized, staff
from integrations.dialects.lootly.tests.conftest import Shop as SigningShop
from integrations.dialects.loyaltylion.tests.conftest import Shop as TellingShop
from integrations.dialects.loyaltylion.tests.conftest import basic
from integrations.dialects.openloyalty.tests.conftest import Caller
from integrations.widget.models import Widget
from integrations.widget.tests.conftest import Browser
from loyalty.stores import broker, rate_limits, secrets
from loyalty.stores.accounts import LoginForm
from loyalty.stores.models import StoreKey
from loyalty.tests.canaries import contents, in_broker

ROUNDS = sized(2, 25)  # of 26 secrets each
ANSWERS = "answers that refuse"


class Keeper:
    """The secrets by name, and everything that could tell them."""

    def __init__(self, store, owner) -> None:
        self.store, self.owner = store, owner
        self.secrets: dict[str, str] = {}
        self.refusals: list[str] = []
        self.number = 0

    def keep(self, name: str, secret: str) -> str:
        assert len(secret) >= 6, name
        self.secrets[f"{name} {self.number}"] = secret
        return secret

    def heard(self, *answers) -> None:
        self.refusals += [answer.content.decode() for answer in answers if answer.status_code >= 400]

    def told_in(self) -> dict[str, list[str]]:
        """Where each secret is to be found, in any of the forms that text and bytes are written in."""
        places = contents() | {
            "broker": in_broker().decode("latin-1"), "mails": "\n".join(map(str, self.mails())).lower(),
            ANSWERS: "\n".join(self.refusals).lower(),
        }  # fmt: skip
        found = {}
        for name, secret in self.secrets.items():
            forms = {secret.lower(), secret.encode().hex(), base64.b64encode(secret.encode()).decode().lower()}
            if where := [place for place, text in places.items() if any(is_in(form, text) for form in forms)]:
                found[name] = where
        return found

    def mails(self) -> list:
        """All but those whose very purpose is to carry a secret."""
        return [message.message() for message in mail.outbox if "password/reset/key" not in message.body]


def is_in(form: str, text: str) -> bool:
    """Eight digits may stand in a hash by chance; as a word they do not."""
    if len(form) > 12:
        return form in text
    return form in text and bool(re.search(rf"(?<![0-9a-z]){re.escape(form)}(?![0-9a-z])", text))


@pytest.fixture
def keeper(store, owner, settings) -> Keeper:
    settings.ENCRYPTION_KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
    settings.DEBUG = False
    Widget.objects.create(store=store)
    return Keeper(store, owner)


def test_no_secret_is_found_anywhere(keeper, store, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    for number in range(ROUNDS):
        keeper.number = number
        person = signed_in(keeper)
        credentials = made_on_pages(keeper, person)
        used(keeper, credentials)
        second_step(keeper, person)
        forgotten_password(keeper)
        failing(keeper, credentials, monkeypatch)
        forgiven()
    see(store)
    for key in StoreKey.objects.filter(store=store):
        purpose = secrets.key_purpose(store.pk, key.version)
        keeper.keep(f"data key {key.version}", secrets.unwrap(bytes(key.wrapped), purpose).hex())
    assert len(keeper.secrets) >= 25 * ROUNDS and len(keeper.refusals) >= 10 * ROUNDS
    assert keeper.told_in() == {}
    logged = caplog.text.lower()
    assert [name for name, secret in keeper.secrets.items() if is_in(secret.lower(), logged)] == []
    assert "Internal Server Error" in caplog.text and "geplatzt" in caplog.text  # the log was listened to


def forgiven() -> None:
    """Wrong tries and mailed links, which make the next round wait, are no longer counted."""
    if counts := broker.client.keys("guess:*") + broker.client.keys("*:rl:*"):
        broker.client.delete(*counts)


def test_the_search_finds_what_is_there(keeper, store):
    keeper.keep("a name", "kanarienvogel")
    keeper.keep("bytes", "stieglitz")
    store.name = "Kanarienvogel"
    store.save()
    store.connections.create(dialect="lootly", key="k", sealed_secret=b"stieglitz")
    assert keeper.told_in() == {"a name 0": ["stores_store"], "bytes 0": ["integrations_connection"]}


# --- What happens to them ------------------------------------------------------------------------


def signed_in(keeper: Keeper) -> StrangerClient:
    """The owner of this round, who mistyped the password first."""
    password = keeper.keep("password", f"{PASSWORD} {keeper.number:04}")
    email = f"owner{keeper.number}@acme.example"
    keeper.owner = staff(keeper.store, "owner", email)
    keeper.owner.set_password(password)
    keeper.owner.save()
    EmailAddress.objects.create(user=keeper.owner, email=email, primary=True, verified=True)
    client = StrangerClient(raise_request_exception=False)
    keeper.heard(client.post(reverse("account_login"), {"login": email, "password": password + "x"}))
    client.post(reverse("account_login"), {"login": email, "password": password}, follow=True)
    assert client.get(reverse("integrations:connection_list", args=[keeper.store.slug])).status_code == 200
    return client


def made_on_pages(keeper: Keeper, person: StrangerClient) -> SimpleNamespace:
    slug, key = keeper.store.slug, {}
    shown = person.post(reverse("stores:key_list", args=[slug]), {"name": "till", "scopes": ["read", "write"]})
    key["api"] = keeper.keep("API key", shown.context["clear"])
    for dialect in ("lootly", "loyaltylion", "openloyalty"):
        address = reverse("integrations:connection_create", args=[slug, dialect])
        made = person.post(address, filled(person.get(address).context["form"]) | {"name": dialect})
        connection = keeper.store.connections.filter(dialect=dialect).latest("pk")
        if made.context and made.context.get("secret"):  # a store has one of some kinds: no second is made
            keeper.keep(f"secret of {dialect}", made.context["secret"])
        turned = person.post(reverse("integrations:connection_rotate", args=[slug, connection.public_id]))
        key[f"{dialect} key"] = connection.key
        if turned.context and turned.context.get("secret"):
            key[dialect] = keeper.keep(f"next secret of {dialect}", turned.context["secret"])
        made = person.post(reverse("integrations:token_create", args=[slug, connection.public_id]), {"name": "n"})
        if made.context and made.context.get("new_key"):
            key[f"{dialect} token"] = keeper.keep(f"key of {dialect}", made.context["new_key"])
    page = person.post(reverse("display:secret_create", args=[slug]))
    key["page"] = SimpleNamespace(
        key=Widget.objects.get(store=keeper.store).key, key_id=page.context["secret_id"],
        secret=keeper.keep("widget secret", page.context["secret"]),
    )  # fmt: skip
    hook = person.post(reverse("integrations:fulfilment_secret_rotate", args=[slug]))
    keeper.keep("hook secret", hook.context["secret"])
    return SimpleNamespace(**{name.replace(" ", "_"): value for name, value in key.items()})


def filled(form) -> dict:
    """What a browser sends when nothing is changed."""
    return {field.html_name: value for field in form if (value := field.value()) not in (None, False)}


def used(keeper: Keeper, key: SimpleNamespace) -> None:
    """Each as it should be, with one letter wrong, and where it does not belong."""
    client = StrangerAPIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.api}")
    client.post("/api/v1/customers", {"external_id": "c1", "email": "james@shop.example"})
    keeper.heard(
        client.get("/api/v1/nothing"), client.post("/api/v1/customers", {"external_id": []}),
        client.get("/api/v1/customers", headers={"Authorization": f"Bearer {key.api}x"}),
        client.get(f"/api/v1/customers?api_key={key.api}", headers={"Authorization": ""}),
    )  # fmt: skip
    shop = SigningShop(StrangerClient(), key=key.lootly_key, secret=key.lootly)
    assert shop.sends("customers-create", id="c1", email="james@shop.example").status_code == 200
    keeper.heard(
        SigningShop(shop.client, key=key.lootly_key, secret=key.lootly + "x").sends("customers-create", id="c1")
    )
    telling = TellingShop(None, basic(key.loyaltylion_key, key.loyaltylion))
    assert telling.get("/v2/activities").status_code == 200
    keeper.heard(
        TellingShop(None, basic(key.loyaltylion_key, key.loyaltylion + "x")).get("/v2/activities"),
        TellingShop(None, f"Bearer {key.loyaltylion_token}x").get("/v2/activities"),
        TellingShop(None, f"Bearer {key.loyaltylion_token}").post({"name": 5}),
    )  # fmt: skip
    members(keeper, key)
    page = Browser(StrangerClient())
    assert page.enter_signed(key.page).status_code == 200
    keeper.keep("widget token", page.token)
    page.get("state")
    keeper.heard(Browser(page.client).get("state", HTTP_AUTHORIZATION=f"Bearer {page.token}x"))


def members(keeper: Keeper, key: SimpleNamespace) -> None:
    person = {"username": keeper.owner.email, "password": f"{PASSWORD} {keeper.number:04}"}
    caller = Caller(keeper.store.slug)
    told = caller.post("/api/admin/login_check", person).told
    token, refresh = keeper.keep("member token", told["token"]), keeper.keep("refresh token", told["refresh_token"])
    again = caller.post("/api/token/refresh", {"refresh_token": refresh})
    keeper.keep("next refresh token", again.told["refresh_token"])
    caller.headers = {"Authorization": f"Bearer {token}"}
    assert caller.get("member").status_code == 200
    keeper.heard(caller.get("nothing"), caller.post("member", {"customer": {"email": 5}}))
    caller.headers = {"Authorization": f"Bearer {token}x"}
    keeper.heard(caller.get("member"), caller.post("/api/admin/login_check", person | {"password": ["a list"]}))
    caller.headers = {"X-AUTH-TOKEN": key.openloyalty_token}
    assert caller.get("member").status_code == 200


def second_step(keeper: Keeper, person: StrangerClient) -> None:
    """Set up, left half way once; and a recovery code used."""
    page = person.get(reverse("mfa_activate_totp"), follow=True)
    secret = keeper.keep("second step", page.context["form"].secret)
    keeper.heard(person.post(reverse("mfa_activate_totp"), {"code": "000000"}))
    assert [name for name in keeper.told_in() if name.startswith("second")] == []  # not from its session either
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    shown = person.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    codes = re.search(r"<pre[^>]*>(.*?)</pre>", shown.text, re.DOTALL)[1].split()
    for at, one in enumerate(codes):
        keeper.keep(f"recovery code {at}", one)
    person.post(reverse("account_logout"))
    password = f"{PASSWORD} {keeper.number:04}"
    person.post(reverse("account_login"), {"login": keeper.owner.email, "password": password}, follow=True)
    keeper.heard(person.post(reverse("mfa_authenticate"), {"code": codes[0][:-1] + "x"}))
    assert person.post(reverse("mfa_authenticate"), {"code": codes[0]}).status_code == 302


def forgotten_password(keeper: Keeper) -> None:
    client = StrangerClient()
    email = f"forgetful{keeper.number}@acme.example"
    EmailAddress.objects.create(user=staff(keeper.store, "viewer", email), email=email, primary=True, verified=True)
    client.post(reverse("account_reset_password"), {"email": email})
    path = re.search(r"http\S+(/accounts/\S+)", mail.outbox[-1].body)[1]
    key = path.rstrip("/").rpartition("/")[2].partition("-")[2]
    keeper.keep("reset link", key)
    form = client.get(path, follow=True).redirect_chain[-1][0]
    assert [name for name in keeper.told_in() if name.startswith("reset")] == []
    new = keeper.keep("new password", f"quite another one {keeper.number:04}")
    keeper.heard(client.post(form, {"password1": new, "password2": new + "x"}))
    assert client.post(form, {"password1": new, "password2": new}).status_code == 302


def failing(keeper: Keeper, key: SimpleNamespace, monkeypatch) -> None:
    """Our own failures: the page of 500 and its line in the log, with a secret in the call."""

    def fails(*args, **kwargs):
        raise RuntimeError("geplatzt")

    client, api = StrangerClient(raise_request_exception=False), StrangerAPIClient(raise_request_exception=False)
    password = f"{PASSWORD} {keeper.number:04}"
    with monkeypatch.context() as patch:
        patch.setattr(LoginForm, "clean", fails)
        page = client.post(reverse("account_login"), {"login": keeper.owner.email, "password": password})
        patch.setattr(rate_limits, "take", fails)
        patch.setattr(rate_limits, "take_for", fails)
        call = api.get("/api/v1/customers", headers={"Authorization": f"Bearer {key.api}"})
        told = TellingShop(None, basic(key.loyaltylion_key, key.loyaltylion)).get("/v2/activities")
    assert (page.status_code, call.status_code) == (500, 500) and told.status_code >= 500
    keeper.heard(page, call, told)
