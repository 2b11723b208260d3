"""A connected store and a shop that calls it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from conftest import StrangerClient
from integrations import connections, registry
from integrations.dialects.loyaltylion.authentication import DIALECT, SCOPES, issue_key
from integrations.models import Connection
from loyalty.stores.models import Store

PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def basic(token: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{token}:{secret}'.encode()).decode()}"


class Shop:
    """Calls the API as a shop does, with its credential."""

    def __init__(self, connection: Connection, authorization: str) -> None:
        self.connection, self.authorization = connection, authorization
        self.client = StrangerClient()

    def send(self, method: str, path: str, body: Any = b"", **headers: str) -> HttpResponse:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        content_type = headers.pop("Content-Type")
        return self.client.generic(method, path, body, content_type=content_type, headers=headers)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(path, query, headers={"Authorization": self.authorization})

    def post(self, body: Any) -> HttpResponse:
        return self.send("POST", "/v2/activities", body)

    def put(self, path: str, state: Any) -> HttpResponse:
        return self.send("PUT", f"/v2/activities/{path}", {"state": state})

    def activities(self, **query: Any) -> list[dict]:
        return self.get("/v2/activities", **query).json()["activities"]


def connect(store: Store, **settings: Any) -> Shop:
    connection, secret = connections.connect(store, registry.get(DIALECT), **settings)
    return Shop(connection, basic(connection.key, secret))


@pytest.fixture
def shop(store) -> Shop:
    """The connection's own token and secret."""
    return connect(store)


@pytest.fixture
def key(shop) -> Callable[..., Shop]:
    """A further credential of the same connection: an API key with some scopes."""

    def with_scopes(*scopes: str) -> Shop:
        _, clear = issue_key(shop.connection, "test", scopes or SCOPES)
        return Shop(shop.connection, f"Bearer {clear}")

    return with_scopes


@pytest.fixture
def told() -> Callable[..., dict[str, Any]]:
    """The body of an activity, with changes; None leaves a field out."""

    def body(name: str = "leave_a_tip", **changes: Any) -> dict[str, Any]:
        members = {"name": name, "customer_id": "c1", "customer_email": "james@shop.example"} | changes
        return {field: value for field, value in members.items() if value is not ...}

    return body


def shown(shop) -> list[tuple]:
    """Name of the rule, state and value, the oldest first."""
    return [(row["rule"]["name"], row["state"], row["value"]) for row in shop.activities(since_id=0)]
