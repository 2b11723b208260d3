"""Calls to the shop itself, signed the way it checks them.

PHP shops decode what they get into arrays and encode it again to check the signature. So there are no floats,
no empty objects and no objects with the keys of a list in what we send: they would come out otherwise.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from integrations import outgoing
from integrations.models import Connection
from integrations.outgoing import Answer, BadAddress, Clock, NoAnswer
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.models import Store

from . import php_json
from .authentication import DIALECT
from .settings import LootlySettings

Members = dict[str, Any]


class ShopFailed(Exception):
    """The shop did not do what it was asked; the message says why. `code` is the shop's own word for it."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ShopUnreached(ShopFailed):
    """Nothing came back, or only that it is busy. The same call may succeed in a moment, or has arrived already."""


@dataclass(frozen=True, slots=True)
class Shop:
    base: str
    key: str
    secret: str
    settings: LootlySettings

    @classmethod
    def of(cls, connection: Connection) -> "Shop":
        base = connection.settings["endpoints"]["api_endpoint"].rstrip("/")
        return cls(base, connection.key, connection.secret, LootlySettings.of(connection))

    @property
    def is_magento(self) -> bool:
        return self.settings.integration == "magento"

    def post(self, path: str, members: Members, clock: Clock) -> Members:
        """`members` in their signed order, `hmac` last. Raises ShopFailed."""
        body = php_json.encode(self.signed(members)).encode()
        return self.send("POST", f"{self.base}/{path}", clock, body)

    def get(self, path: str, query: Mapping[str, str], clock: Clock) -> Members:
        """The shop sees texts only in a query, so texts are signed."""
        url = f"{self.base}/{path}"
        return self.send("GET", f"{url}{'&' if '?' in url else '?'}{urlencode(self.signed(query))}", clock)

    def signed(self, members: Mapping[str, Any]) -> Members:
        signed = dict(sorted((dict(members) | {"key": self.key}).items()))
        mac = hmac.digest(self.secret.encode(), php_json.encode(signed).encode(), "sha256")
        return signed | {"hmac": base64.b64encode(mac).decode()}

    def send(self, method: str, url: str, clock: Clock, body: bytes = b"") -> Members:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        try:
            limits = replace(outgoing.SHOP, total=clock.left())
            return content_of(outgoing.send(method, url, body, headers, limits))
        except BadAddress as error:
            raise ShopFailed(f"Its address cannot be called. {error}") from error
        except (NoAnswer, TimeoutError) as error:
            raise ShopUnreached(f"It did not answer: {error}") from error


def content_of(answer: Answer) -> Members:
    """What the shop says, if it did what it was asked. Some shops refuse with 200 and a member `error`."""
    try:
        members = loads(answer.body, max_bytes=outgoing.SHOP.body)
    except (BadJSON, TooLarge):
        members = None
    told = members if isinstance(members, dict) else {}
    words = str(told.get("error") or told.get("message") or "")[:150]
    if answer.status == 429 or answer.status >= 500:
        raise ShopUnreached(f"It answered {answer.status}. {words}".strip())
    if not answer.is_ok or told.get("error"):
        raise ShopFailed(f"It refused ({answer.status}). {words}".strip(), str(told.get("code") or ""))
    if not isinstance(members, dict):
        raise ShopFailed("It answered something else than JSON.")
    return members


def connection_of(store: Store) -> Connection | None:
    """The store's connection whose shop told where it can be called; the latest, if there are several."""
    live = store.connections.filter(dialect=DIALECT, is_enabled=True).order_by("-pk")
    return live.exclude(settings__endpoints__api_endpoint=None).exclude(settings__endpoints__api_endpoint="").first()
