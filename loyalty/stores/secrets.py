"""Secrets that must be readable again (signing keys): AES-256-GCM, bound to what they belong to.

A store's secrets are sealed with a data key of its own, and data keys with a master key from the environment. Who has
the database alone, or one store's data key, reads nothing of the others. `manage.py rotate_keys` changes either kind.
"""

import base64
import hashlib
import os
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from .models import StoreKey
from .tenancy import acting_for

# How a sealed value begins: with a master key alone (as all were before stores had keys), or with a store's.
BY_MASTER, BY_STORE = b"\x01", b"\x02"
NONCE = 12
PERSONS = "person:"  # how a person's sealed text begins


class Unreadable(Exception):
    """None of the keys opens it: ENCRYPTION_KEY lacks the one that it was sealed with, or it was changed."""


class SealedField(models.BinaryField):
    """Holds what `encrypt` gave; its model says its `purpose`. rotate_keys finds every such column."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"editable": False} | kwargs)

    def deconstruct(self):
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.BinaryField", args, kwargs  # to the schema it is that and no more


def new_secret() -> str:
    """256 random bits as 64 hex characters."""
    return os.urandom(32).hex()


# --- Master keys ----------------------------------------------------------------------------------


class Master(NamedTuple):
    id: bytes
    box: AESGCM


def masters() -> tuple[Master, ...]:
    """Those that may open something, the one that seals first."""
    return _masters(settings.ENCRYPTION_KEY, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=16)
def _masters(named: str, fallbacks: tuple[str, ...]) -> tuple[Master, ...]:
    keys = [_key(name) for name in named.split(",") if name.strip()]
    # What was sealed before there was an ENCRYPTION_KEY.
    keys += [hashlib.sha256(b"loyalty secrets " + secret.encode()).digest() for secret in fallbacks]
    return tuple(Master(hashlib.sha256(b"loyalty key id " + key).digest()[:4], AESGCM(key)) for key in keys)


def _key(name: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(name.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ImproperlyConfigured("Each key in ENCRYPTION_KEY must be 32 bytes in url-safe base64.")
    return key


def wrap(clear: bytes, purpose: str) -> bytes:
    newest, nonce = masters()[0], os.urandom(NONCE)
    return newest.id + nonce + newest.box.encrypt(nonce, clear, purpose.encode())


def unwrap(wrapped: bytes, purpose: str) -> bytes:
    key_id, nonce, box = wrapped[:4], wrapped[4 : 4 + NONCE], wrapped[4 + NONCE :]
    for master in masters():
        if master.id == key_id:
            try:
                return master.box.decrypt(nonce, box, purpose.encode())
            except InvalidTag:
                break
    raise Unreadable(f"No key in ENCRYPTION_KEY opens this ({purpose}).")


def is_wrapped_by_newest(wrapped: bytes) -> bool:
    return wrapped[:4] == masters()[0].id


# --- A store's ------------------------------------------------------------------------------------

_boxes: dict[tuple[int, int], AESGCM] = {}
MAX_BOXES = 10_000


def encrypt(clear: str, purpose: str, store_id: int) -> bytes:
    with acting_for(store_id):
        key = newest_key(store_id)
    nonce = os.urandom(NONCE)
    box = open_key(key).encrypt(nonce, clear.encode(), _bound(store_id, purpose, key.version))
    return BY_STORE + key.version.to_bytes(2) + nonce + box


def decrypt(sealed: bytes | memoryview, purpose: str, store_id: int) -> str:
    sealed = bytes(sealed)
    if sealed[:1] == BY_MASTER:
        return _decrypt_by_master(sealed, purpose)
    version, nonce, box = version_of(sealed), sealed[3 : 3 + NONCE], sealed[3 + NONCE :]
    for is_fresh in (False, True):  # a key that is remembered may be another database's, from before a restore
        try:
            return _box(store_id, version, is_fresh).decrypt(nonce, box, _bound(store_id, purpose, version)).decode()
        except InvalidTag:
            continue
    raise Unreadable(f"Not sealed with key {version} of store {store_id} ({purpose}).")


def version_of(sealed: bytes) -> int:
    """Of the store's key; 0: a master key alone."""
    return int.from_bytes(sealed[1:3]) if sealed[:1] == BY_STORE else 0


def newest_key(store_id: int) -> StoreKey:
    """The one that seals, made when it is first needed. In a transaction that acts for the store."""
    keys = StoreKey.objects.filter(store_id=store_id).order_by("-version")
    return keys.first() or add_key(store_id, 1) or keys.get()


def add_key(store_id: int, version: int) -> StoreKey | None:
    """None: somebody else was faster."""
    key = StoreKey(store_id=store_id, version=version)
    key.wrapped = wrap(os.urandom(32), key_purpose(store_id, version))
    StoreKey.objects.bulk_create([key], ignore_conflicts=True)
    return StoreKey.objects.filter(store_id=store_id, version=version, wrapped=key.wrapped).first()


def open_key(key: StoreKey) -> AESGCM:
    return AESGCM(unwrap(bytes(key.wrapped), key_purpose(key.store_id, key.version)))


def key_purpose(store_id: int, version: int) -> str:
    return f"{store_id}:data key:{version}"


def _box(store_id: int, version: int, is_fresh: bool) -> AESGCM:
    """Remembered, since signed calls ask at every turn. A key never changes, it is only wrapped anew."""
    box = _boxes.get((store_id, version))
    if box is None or is_fresh:
        with acting_for(store_id):
            key = StoreKey.objects.filter(store_id=store_id, version=version).first()
        if key is None:
            raise Unreadable(f"Store {store_id} has no key {version}.")
        if len(_boxes) >= MAX_BOXES:
            _boxes.clear()
        box = _boxes[store_id, version] = open_key(key)
    return box


def _bound(store_id: int, purpose: str, version: int) -> bytes:
    return f"{store_id}:{purpose}:{version}".encode()


def _decrypt_by_master(sealed: bytes, purpose: str) -> str:
    for master in masters():
        try:
            return master.box.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], purpose.encode()).decode()
        except InvalidTag:
            continue
    raise Unreadable(f"No key in ENCRYPTION_KEY opens this ({purpose}).")


# --- A person's: they work in many stores, so theirs are sealed with a master key -------------------


def encrypt_text(clear: str) -> str:
    return PERSONS + base64.urlsafe_b64encode(wrap(clear.encode(), PERSONS)).decode()


def decrypt_text(text: str) -> str:
    """Of what was stored before such texts were sealed, itself."""
    return unwrap(_wrapped(text), PERSONS).decode() if text.startswith(PERSONS) else text


def is_sealed_by_newest(text: str) -> bool:
    return text.startswith(PERSONS) and is_wrapped_by_newest(_wrapped(text))


def _wrapped(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.removeprefix(PERSONS))
