"""Whose call is it, and what may it do? A key of the store, or the connection's own token and secret."""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest

from django.db.models import Q

from integrations import connections
from integrations.models import Connection, ConnectionToken
from loyalty.stores import clock

from .refusals import forbidden, unauthorized

DIALECT = "loyaltylion"
SCOPES = (
    "read_customers", "write_customers", "read_orders", "write_orders", "read_unsubscribes", "write_unsubscribes",
    "write_reviews",
)  # fmt: skip
API_KEY = re.compile(r"pat_[0-9a-f]{32}")
NOTE_EVERY = timedelta(minutes=1)
# Compared with when nobody has the token, so that a wrong token takes as long as a wrong secret.
NOBODYS_SECRET = "0" * 64


@dataclass(frozen=True, slots=True)
class Credential:
    connection: Connection
    kind: str  # "api_key" or "site"
    scopes: tuple[str, ...]
    name: str  # tells it from the store's others

    def require(self, scope: str) -> None:
        if scope and scope not in self.scopes:
            raise forbidden(scope)


def issue_key(connection: Connection, name: str, scopes: Iterable[str] = SCOPES) -> tuple[ConnectionToken, str]:
    """A new API key. Returns (row, clear key); the clear key is never stored."""
    clear = f"pat_{secrets.token_hex(16)}"
    row = connection.tokens.create(
        kind=ConnectionToken.Kind.KEY, name=name, digest=digest_of(clear), last_four=clear[-4:],
        scopes=[scope for scope in SCOPES if scope in set(scopes)],
    )  # fmt: skip
    return row, clear


def digest_of(clear: str) -> bytes:
    # The key has 128 random bits, so one fast hash is as good as a slow one.
    return hashlib.sha256(clear.encode()).digest()


def authenticate(header: str) -> Credential:
    """The credential that an Authorization header proves. Raises Refused (401) for everything else."""
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return by_key(given.strip())
    if scheme.lower() == "basic":
        return by_secret(given.strip())
    raise unauthorized()


def by_key(clear: str) -> Credential:
    if not API_KEY.fullmatch(clear):
        raise unauthorized()
    live = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    token = (
        ConnectionToken.objects.select_related("connection__store")
        .filter(live, digest=digest_of(clear), kind=ConnectionToken.Kind.KEY, revoked_at=None)
        .filter(connection__dialect=DIALECT, connection__is_enabled=True)
        .first()
    )
    if token is None:
        raise unauthorized()
    note_use(token)
    return Credential(token.connection, "api_key", tuple(token.scopes), f"token:{token.pk}")


def by_secret(encoded: str) -> Credential:
    try:
        site_token, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:  # also what is not UTF-8, or not ASCII before
        raise unauthorized() from error
    connection = find_connection(site_token)
    live = connection.live_secrets if connection else [NOBODYS_SECRET]
    is_genuine = any(compare_digest(secret.encode(), one.encode()) for one in live)
    if connection is None or not is_genuine:
        if connection is not None:
            connections.note_error(connection, "A call was refused: its secret is not this connection's.")
        raise unauthorized()
    return Credential(connection, "site", SCOPES, f"connection:{connection.pk}")


def find_connection(site_token: str) -> Connection | None:
    if not re.fullmatch(r"[0-9a-zA-Z_-]{1,64}", site_token):
        return None
    found = Connection.objects.select_related("store").filter(dialect=DIALECT, key=site_token, is_enabled=True)
    return found.first()


def note_use(token: ConnectionToken) -> None:
    """Remember the latest use, to the minute: a write per call would cost more than it tells."""
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at > NOTE_EVERY:
        ConnectionToken.objects.filter(pk=token.pk).update(last_used_at=now)
