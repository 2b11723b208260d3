"""What a session holds is sealed: for some minutes that is the secret of a second step, or what sets a new password."""

import hashlib
import json
import os
from contextlib import suppress
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE = 12


def boxes() -> list[AESGCM]:
    """By SECRET_KEY, with which sessions end anyhow; the first one seals."""
    keys = settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS
    return [AESGCM(hashlib.sha256(b"loyalty sessions " + key.encode()).digest()) for key in keys]


class Serializer:
    """In the place of Django's JSON; Django signs what this gives."""

    def dumps(self, values: dict[str, Any]) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + boxes()[0].encrypt(nonce, json.dumps(values, separators=(",", ":")).encode(), None)

    def loads(self, sealed: bytes) -> dict[str, Any]:
        for box in boxes():
            with suppress(InvalidTag):
                return json.loads(box.decrypt(sealed[:NONCE], sealed[NONCE:], None))
        return json.loads(sealed)  # from before sessions were sealed; of anything else Django begins a new one
