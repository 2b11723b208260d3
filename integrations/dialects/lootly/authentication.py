"""Whose call is it? Everything that cannot be answered looks the same and costs the same."""

import time

from integrations import connections
from integrations.models import Connection

from . import signature
from .settings import LootlySettings
from .signature import SignedBody, Unverifiable

DIALECT = "lootly"
# Verified against when nobody has the key, so that a wrong key takes as long as a wrong signature.
NOBODYS_SECRET = "0" * 64


class Unauthorized(Exception):
    pass


def authenticate(body: bytes) -> tuple[Connection, SignedBody]:
    """The connection whose secret signed this body. Raises Unauthorized, or TooLarge."""
    try:
        signed = signature.read(body)
    except Unverifiable as error:
        raise Unauthorized(str(error)) from error
    connection = Connection.objects.select_related("store").filter(dialect=DIALECT, key=signed.key).first()
    is_genuine = signature.verify(signed, connection.live_secrets if connection else [NOBODYS_SECRET])
    if connection is None:
        raise Unauthorized("No connection has this key.")
    if not is_genuine:
        connections.note_error(connection, "A call was refused: its hmac does not match the secret.")
        raise Unauthorized("The hmac does not match.")
    if not is_fresh(connection, signed):
        connections.note_error(connection, "A call was refused: its time (t) is missing or too far off.")
        raise Unauthorized("The call is too old.")
    return connection, signed


def is_fresh(connection: Connection, signed: SignedBody) -> bool:
    allowed, sent = LootlySettings.of(connection).max_skew_seconds, signed.values.get("t")
    return not allowed or (type(sent) is int and abs(time.time() - sent) <= allowed)
