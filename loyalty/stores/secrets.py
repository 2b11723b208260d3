"""Secrets that must be readable again (signing keys): AES-256-GCM, bound to what they belong to."""

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = b"\x01"


def new_secret() -> str:
    """256 random bits as 64 hex characters."""
    return os.urandom(32).hex()


def _key() -> bytes:
    if settings.ENCRYPTION_KEY:
        key = base64.urlsafe_b64decode(settings.ENCRYPTION_KEY)
        if len(key) != 32:
            raise ImproperlyConfigured("ENCRYPTION_KEY must be 32 bytes in url-safe base64")
        return key
    return hashlib.sha256(b"loyalty secrets " + settings.SECRET_KEY.encode()).digest()


def encrypt(clear: str, purpose: str) -> bytes:
    nonce = os.urandom(12)
    return VERSION + nonce + AESGCM(_key()).encrypt(nonce, clear.encode(), purpose.encode())


def decrypt(sealed: bytes, purpose: str) -> str:
    sealed = bytes(sealed)
    return AESGCM(_key()).decrypt(sealed[1:13], sealed[13:], purpose.encode()).decode()
