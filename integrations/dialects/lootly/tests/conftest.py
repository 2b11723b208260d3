from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse

from integrations import connections, registry
from integrations.models import Connection
from loyalty.stores.models import Store

from .signing import KEY, SECRET, recorded, signed


def connect(store: Store, key: str = KEY, secret: str = SECRET, **settings: Any) -> Connection:
    """A connection with the key and secret that the recorded bodies are signed with."""
    connection, _ = connections.connect(store, registry.get("lootly"), **settings)
    connection.key = key
    connection.seal(secret)
    connection.save()
    return connection


@pytest.fixture
def connection(store) -> Connection:
    return connect(store)


class Shop:
    """A shop that calls us. `integration` is the name in its addresses."""

    def __init__(self, client: Any, integration: str = "common", **credentials: str) -> None:
        self.client, self.integration, self.credentials = client, integration, credentials

    def post(self, event: str, body: bytes, **headers: str) -> HttpResponse:
        url = f"/integrations/webhooks/{self.integration}/{event}"
        return self.client.post(url, body, content_type="application/json", **headers)

    def sends(self, event: str, **members: Any) -> HttpResponse:
        return self.post(event, signed(**self.credentials, **members))

    def replays(self, event: str, recording: str) -> HttpResponse:
        return self.post(event, recorded(recording))

    def asks(self, call: str, **members: Any) -> Any:
        answer = self.sends(call, **members)
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]


@pytest.fixture
def shop(client, connection) -> Shop:
    return Shop(client)


@pytest.fixture
def shop_as(client) -> Callable[[str], Shop]:
    return lambda integration: Shop(client, integration)
