"""Which shopper does a page of the shop speak for? Pure checks of its two signatures.

`v0` is what older tags carry: MD5 over customer id and API secret. It never expires, so whoever saw it once can
use it for ever: it is good for reading. `v1` is an HMAC of its own secret with an end of at most 15 minutes.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LONGEST_LIFE = 900  # seconds from issued to expires
AHEAD = 300  # how much a shop's clock may be fast

PLAIN_ID = re.compile(r"[ -~]{1,64}")
# A page's shop id is the MD5 of its domain with the same secret, so a "customer" named like a domain has it too.
HOST_LIKE = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*\.?(?::\d+)?(?:[/?#].*)?|localhost.*|[0-9.]+:\d+.*", re.I)
V1 = re.compile(
    r"v1:(?P<key_id>[A-Za-z0-9_-]{1,32}):(?P<issued>[1-9][0-9]{0,11}):(?P<expires>[1-9][0-9]{0,11})"
    r":(?P<nonce>[A-Za-z0-9_-]{16,64}):(?P<mac>[0-9a-f]{64})"
)


class WrongSignature(Exception):
    """The page speaks for nobody. `reason` is counted for the merchant; REASONS has the words."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


REASONS = {
    "bad_id": "The customer id is not 1 to 64 plain characters, or it is a domain.",
    "malformed": "The signature has neither form.",
    "switched_off": "An old signature (MD5) came, and they are switched off.",
    "no_secret": "An old signature (MD5) came with a key that has no API secret.",
    "wrong": "The signature does not match: another secret, or another customer id.",
    "unknown_key": "The signature names a widget secret that is not in use.",
    "expired": "The signature has expired: a page was open or cached too long.",
    "too_long": "The signature is good for longer than 15 minutes.",
    "too_early": "The signature was made in the future: the shop's clock is fast.",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a v1 signature says."""

    key_id: str
    issued: int
    expires: int
    nonce: str
    mac: str


def is_v1(signature: str) -> bool:
    return signature.startswith("v1:")


def check_id(customer_id: str, *domains: str) -> None:
    is_domain = HOST_LIKE.fullmatch(customer_id) or "://" in customer_id or customer_id in domains
    if is_domain or not PLAIN_ID.fullmatch(customer_id):
        raise WrongSignature("bad_id")


def md5_of(text: str, secret: str) -> str:
    return hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()


def is_md5_of(given: str, text: str, secrets: Iterable[str]) -> bool:
    """Whether `given` is lower-case hex MD5 of text and one of the secrets. An empty secret signs nothing."""
    return any(same(given, md5_of(text, secret)) for secret in secrets if secret)


def check_v0(customer_id: str, signature: str, secrets: Iterable[str]) -> None:
    if not re.fullmatch(r"[0-9a-f]{32}", signature):
        raise WrongSignature("malformed")
    if not is_md5_of(signature, customer_id, secrets):
        raise WrongSignature("wrong")


def sign_v1(secret: str, key_id: str, api_key: str, customer_id: str, issued: int, expires: int, nonce: str) -> str:
    """The whole attribute, as a shop's server makes it."""
    mac = mac_of(secret, key_id, api_key, customer_id, issued, expires, nonce)
    return f"v1:{key_id}:{issued}:{expires}:{nonce}:{mac}"


def mac_of(
    secret: str, key_id: str, api_key: str, customer_id: str, issued: int, expires: int, nonce: str
) -> str:  # fmt: skip
    """Each part goes in with its length, so that none can borrow from its neighbour."""
    parts = ["v1", key_id, api_key, customer_id, str(issued), str(expires), nonce]
    text = ",".join(f"{len(part.encode())}:{part}" for part in parts)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def check_v1(customer_id: str, signature: str, *, api_key: str, secrets: Mapping[str, str], now: float) -> Parts:
    """`secrets` are those in use, by key id."""
    found = V1.fullmatch(signature)
    if not found:
        raise WrongSignature("malformed")
    parts = Parts(found["key_id"], int(found["issued"]), int(found["expires"]), found["nonce"], found["mac"])
    secret = secrets.get(parts.key_id)
    if not secret:
        raise WrongSignature("unknown_key")
    mac = mac_of(secret, parts.key_id, api_key, customer_id, parts.issued, parts.expires, parts.nonce)
    if not same(mac, parts.mac):
        raise WrongSignature("wrong")
    if not 0 < parts.expires - parts.issued <= LONGEST_LIFE:
        raise WrongSignature("too_long")
    if parts.issued > now + AHEAD:
        raise WrongSignature("too_early")
    if parts.expires <= now:
        raise WrongSignature("expired")
    return parts


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
