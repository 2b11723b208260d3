"""Standard Webhooks: a signature in headers, over an id, the time and the body."""

import base64
import hmac
import os
from collections.abc import Iterable

from loyalty.stores import clock

PREFIX = "whsec_"


def new_secret() -> str:
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def headers(message_id: str, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Of one try: the id stays the same, the time is now. Every live secret signs."""
    timestamp = str(int(clock.now().timestamp()))
    message = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(message, secret) for secret in secrets),
    }


def signature(message: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return f"v1,{base64.b64encode(hmac.digest(key, message, 'sha256')).decode()}"
