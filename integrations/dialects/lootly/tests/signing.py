"""Signing as shops do, for tests, and the recorded bodies."""

import base64
import hmac
from pathlib import Path
from typing import Any

from integrations.dialects.lootly import php_json

KEY, SECRET = "dummy-key", "dummy-secret"
PAYLOADS = Path(__file__).parent / "payloads"


def recorded(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def mac_of(text: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def signed(key: str = KEY, secret: str = SECRET, **members: Any) -> bytes:
    """A body as a PHP shop makes it: sorted, signed, `hmac` last."""
    members = dict(sorted((members | {"key": key}).items()))
    return php_json.encode(members | {"hmac": mac_of(php_json.encode(members), secret)}).encode()
