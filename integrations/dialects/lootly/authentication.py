"""Whose call is it? Everything that cannot be answered looks the same and costs the same."""

from collections.abc import Mapping

from integrations import connections
from integrations.models import Connection
from loyalty.stores import clock

from . import signature
from .settings import LootlySettings
from .signature import SignedBody, Unverifiable
from .webhook import WebhookHeaders

DIALECT = "lootly"
# Verified against when nobody has the key, so that a wrong key takes as long as a wrong signature.
NOBODYS_SECRET = "0" * 64


class Unauthorized(Exception):
    pass


def authenticate(body: bytes, headers: Mapping[str, str]) -> tuple[Connection, SignedBody]:
    """The connection whose secret signed this body. Raises Unauthorized, or TooLarge."""
    webhook = WebhookHeaders.of(headers)
    try:
        signed = signature.read(body, webhook.id, with_mac=False) if webhook else signature.read(body)
    except Unverifiable as error:
        raise Unauthorized from error
    connection = Connection.objects.select_related("store").filter(dialect=DIALECT, key=signed.key).first()
    secrets = connection.live_secrets if connection else [NOBODYS_SECRET]
    is_genuine = webhook.verify(body, secrets) if webhook else signature.verify(signed, secrets)
    if connection is None:
        raise Unauthorized
    if fault := fault_of(connection, signed, is_genuine):
        connections.note_error(connection, f"A call was refused: {fault}.")
        raise Unauthorized
    return connection, signed


def fault_of(connection: Connection, signed: SignedBody, is_genuine: bool) -> str:
    settings, sent = LootlySettings.of(connection), signed.values.get("t")
    if not is_genuine:
        return "its signature does not match the secret"
    if signed.message_id:
        return ""  # its time is in its headers
    if settings.webhook_headers_only:
        return "it is not signed in webhook headers"
    tolerance = settings.max_skew_seconds
    if tolerance and not (type(sent) is int and abs(clock.now().timestamp() - sent) <= tolerance):
        return "its time (t) is missing or too far off"
    return ""
