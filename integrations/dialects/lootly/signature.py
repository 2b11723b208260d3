"""Who signed a body. A shop signs its members with PHP's JSON, and not always in the order it sends them."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loyalty.stores.bounded_json import BadJSON

from . import php_json
from .members import Member, split

MAX_KEY = 64


class Unverifiable(ValueError):
    """Nobody could have signed this body; the message says why."""


@dataclass(frozen=True)
class SignedBody:
    """A body that claims to come from `key`. Its values are not to be trusted before `verify`."""

    key: str
    mac: bytes
    members: list[Member]  # without `hmac`, in wire order
    message_id: str = ""  # a signed id of its own, that only Standard Webhooks bring

    @cached_property
    def values(self) -> dict[str, Any]:
        """What the call says, by name in the order that is signed."""
        return {member.name: member.value for member in self._sorted if member.name != "key"}

    @cached_property
    def identity(self) -> str:
        """Equal for the same call sent again, whatever the order, spacing and credentials it is sent with."""
        return f"webhook:{self.message_id}" if self.message_id else self.digest()

    def digest(self, *without: str) -> str:
        values = {name: value for name, value in self.values.items() if name not in without}
        return hashlib.sha256(php_json.encode(values).encode()).hexdigest()

    def texts(self) -> Iterator[str]:
        """What the sender may have signed: as sent, as sent but sorted, as PHP would write it."""
        yield join(self.members)
        yield join(self._sorted)
        values = {member.name: member.value for member in self._sorted}
        yield php_json.encode(values)
        if php_json.has_float(values):
            yield php_json.encode(values, php_json.seventeen_digits)

    @cached_property
    def _sorted(self) -> list[Member]:
        return sorted(self.members)  # names are unique, and sort by code point as their UTF-8 bytes do


def read(body: bytes, message_id: str = "", *, with_mac: bool = True) -> SignedBody:
    """Raises Unverifiable, or TooLarge. `with_mac` is off for bodies that are signed in headers."""
    try:
        members = split(body)
    except BadJSON as error:
        raise Unverifiable(error.message) from error
    named = {member.name: member.value for member in members}
    key = named.get("key")
    if not isinstance(key, str) or not (key.isascii() and key.isprintable() and len(key) <= MAX_KEY):
        raise Unverifiable("The body names no key.")
    mac = mac_of(named.get("hmac")) if with_mac else b""
    return SignedBody(key, mac, [member for member in members if member.name != "hmac"], message_id)


def mac_of(text: Any) -> bytes:
    """The 32 bytes of standard base64 with padding, spelled in the one way there is."""
    try:
        mac = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        mac = b""
    if len(mac) != 32 or base64.b64encode(mac).decode() != text:
        raise Unverifiable("The hmac is not base64 of 32 bytes.")
    return mac


def verify(signed: SignedBody, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed it. An empty secret signs nothing."""
    keys = [secret.encode() for secret in secrets if secret]
    return any(
        hmac.compare_digest(hmac.digest(key, text.encode(), "sha256"), signed.mac)
        for text in signed.texts()
        for key in keys
    )


def join(members: Iterable[Member]) -> str:
    return "{" + ",".join(member.text for member in members) + "}"
