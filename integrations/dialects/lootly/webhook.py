"""Standard Webhooks: the signature in headers, over an id, the time and the body as it is."""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loyalty.stores import clock

TOLERANCE = 5 * 60
ID = re.compile(r"[A-Za-z0-9_.:-]{1,120}")


@dataclass(frozen=True, slots=True)
class WebhookHeaders:
    id: str
    timestamp: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "WebhookHeaders | None":
        """None: this call is not signed this way."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        return cls(*(headers[name] for name in names)) if all(name in headers for name in names) else None

    def verify(self, body: bytes, secrets: Iterable[str]) -> bool:
        if not (ID.fullmatch(self.id) and re.fullmatch("[0-9]{1,12}", self.timestamp)):
            return False
        if abs(clock.now().timestamp() - int(self.timestamp)) > TOLERANCE:
            return False
        message = f"{self.id}.{self.timestamp}.".encode() + body
        genuine = {b"v1," + self.sign(message, secret) for secret in secrets if secret}
        offered = [one.encode() for one in self.signature.split(" ")[:10]]
        return any(hmac.compare_digest(one, expected) for one in offered for expected in genuine)

    @staticmethod
    def sign(message: bytes, secret: str) -> bytes:
        return base64.b64encode(hmac.digest(secret.encode(), message, "sha256"))
