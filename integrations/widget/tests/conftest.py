"""A store with a widget, and pages of its shop."""

import hashlib
import json
import secrets
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest

from customers import adjustments
from integrations import connections, registry
from integrations.widget import identity
from integrations.widget.models import Widget, WidgetSecret
from spending import rewarding

ORIGIN = "https://acme.example"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@pytest.fixture
def widget(store) -> Widget:
    return Widget.objects.create(store=store)


@pytest.fixture
def legacy(store):
    """A shop with an older tag: its key and API secret."""
    connection, secret = connections.connect(store, registry.get("lootly"))
    return SimpleNamespace(connection=connection, key=connection.key, secret=secret)


@pytest.fixture
def signing(store, widget):
    """What a shop needs to sign its pages."""
    secret, clear = WidgetSecret.issue(store)
    return SimpleNamespace(key=widget.key, key_id=secret.key_id, secret=clear)


def signature_of(signing, customer_id: str, *, life: int = 600, issued: int | None = None) -> str:
    issued = int(time.time()) if issued is None else issued
    return identity.sign_v1(
        signing.secret, signing.key_id, signing.key, customer_id, issued, issued + life, secrets.token_hex(8)
    )


class Browser:
    """A page of the shop: asks for a token and calls with it."""

    def __init__(self, client, origin: str = ORIGIN) -> None:
        self.client, self.origin, self.token = client, origin, ""

    def enter(self, **tag: str):
        answer = self.post("token", tag, token="")
        if answer.status_code == 200:
            self.token = answer.json()["data"]["token"]
        return answer

    def enter_legacy(self, legacy, customer_id: str = "", **tag: str):
        signed = {
            "api_key": legacy.key, "shop_domain": "acme.example", "shop_id": md5("acme.example" + legacy.secret),
            "customer_id": customer_id, "customer_signature": md5(customer_id + legacy.secret),
        }  # fmt: skip
        return self.enter(**signed | tag)

    def enter_signed(self, signing, customer_id: str = "c1"):
        return self.enter(
            api_key=signing.key, customer_id=customer_id, customer_signature=signature_of(signing, customer_id)
        )

    def get(self, name: str, **headers):
        return self.client.get(f"/widget/v1/{name}", headers=self.headers() | headers)

    def post(self, name: str, body, *, content_type="application/json", token=None, **headers):
        sent = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(
            f"/widget/v1/{name}", sent, content_type=content_type, headers=self.headers(token) | headers
        )

    def headers(self, token: str | None = None) -> dict[str, str]:
        token = self.token if token is None else token
        return {"Origin": self.origin} | ({"Authorization": f"Bearer {token}"} if token else {})


@pytest.fixture
def page(client) -> Browser:
    return Browser(client)


@pytest.fixture
def add_reward(store):
    """add_reward("fixed_amount", 500): a live reward with generated codes unless told otherwise."""

    def add(kind: str = "fixed_amount", points: object = 500, settings: dict | None = None, **values):
        values = {"name": "5 off", "code_source": "generated"} | values
        chosen = rewarding.clean_settings(kind, settings or {})
        return rewarding.create(store, kind, actor="test", points=Decimal(str(points)), settings=chosen, **values)

    return add


@pytest.fixture
def give(store):
    def gave(customer, points: object) -> None:
        adjustments.adjust(store, customer, Decimal(str(points)), "A present", actor="test")

    return gave
