"""A store's link to each wire language, and what proves who calls."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores import clock
from loyalty.stores.models import Store, User
from loyalty.stores.secrets import SealedField, decrypt, encrypt

ROTATION_OVERLAP = timedelta(hours=24)


class TwoSecrets(models.Model):
    """Keeps a signing secret sealed, and during a rotation the one before it."""

    store_id: int
    sealed_secret = SealedField()
    sealed_old_secret = SealedField(null=True)
    old_secret_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def seal(self, secret: str) -> None:
        self.sealed_secret = encrypt(secret, self.purpose, self.store_id)

    @transaction.atomic
    def rotate(self, secret: str) -> None:
        """A new secret; the old one is good for another day."""
        # As it is sealed by now: the store's key may have been changed since this row was read.
        self.refresh_from_db(fields=["sealed_secret"], from_queryset=type(self)._default_manager.select_for_update())
        self.sealed_old_secret, self.old_secret_until = self.sealed_secret, clock.now() + ROTATION_OVERLAP
        self.seal(secret)
        self.save(update_fields=["sealed_secret", "sealed_old_secret", "old_secret_until"])

    @property
    def secret(self) -> str:
        return decrypt(self.sealed_secret, self.purpose, self.store_id)

    @property
    def live_secrets(self) -> list[str]:
        """The secret, and during a rotation the one before it."""
        live = [self.secret]
        if self.sealed_old_secret and self.old_secret_until and self.old_secret_until > clock.now():
            live.append(decrypt(self.sealed_old_secret, self.purpose, self.store_id))
        return live

    @property
    def purpose(self) -> str:
        raise NotImplementedError


class Connection(TwoSecrets):
    """One store's link to one dialect. `key` is public and finds the row; the secret signs."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="connections")
    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    dialect = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    key = models.CharField(max_length=64, unique=True, editable=False)
    settings = models.JSONField(default=dict, blank=True)  # checked by the dialect's form
    is_enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, editable=False)
    last_call_at = models.DateTimeField(null=True, editable=False)
    last_call = models.CharField(max_length=100, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=255, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    audited = ("__str__", "dialect", "name", "settings", "is_enabled")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index("store", "dialect", name="integrations_connection_of")]

    def __str__(self):
        return self.name

    @property
    def purpose(self) -> str:
        return f"connection:{self.store_id}:{self.public_id}"


class FulfilmentSecret(TwoSecrets):
    """Signs what a store's own system is told to hand over. In the form of Standard Webhooks."""

    store = models.OneToOneField(Store, models.CASCADE, related_name="fulfilment_secret")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self):
        return f"Fulfilment secret of {self.store}"

    @property
    def purpose(self) -> str:
        return f"fulfilment:{self.store_id}"


class ConnectionToken(models.Model):
    """A credential that can be kept as a hash: bearer keys of a connection, keys and refresh tokens of a person."""

    class Kind(models.TextChoices):
        KEY = "key", "API key"
        REFRESH = "refresh", "Refresh token"

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    # Null: it speaks for `user` in every store they work in.
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="tokens")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=100, blank=True)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    scopes = models.JSONField(default=list)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    audited = ("__str__", "scopes", "expires_at", "revoked_at")

    def __str__(self):
        return f"{self.name} (…{self.last_four})".strip()

    @classmethod
    def issue(cls, kind: str, prefix: str = "", **fields: Any) -> tuple["ConnectionToken", str]:
        """Make a token. Returns (row, clear token); the clear token is never stored."""
        clear = f"{prefix}{secrets.token_urlsafe(32)}"
        return cls.objects.create(kind=kind, digest=cls.digest_of(clear), last_four=clear[-4:], **fields), clear

    @staticmethod
    def digest_of(clear: str) -> bytes:
        # 256 random bits, so one fast hash is as good as a slow one.
        return hashlib.sha256(clear.encode()).digest()

    @classmethod
    def find(cls, kind: str, clear: str) -> "ConnectionToken | None":
        """The live token, with its connection's store and its user."""
        found = cls.objects.select_related("connection__store", "user").filter(
            Q(expires_at=None) | Q(expires_at__gt=clock.now()),
            kind=kind, digest=cls.digest_of(clear), revoked_at=None,
        )  # fmt: skip
        return found.first()

    def touch(self) -> None:
        """Remember the use, to the minute: a write per call would cost more than it tells."""
        now = clock.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)
