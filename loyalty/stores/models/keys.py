"""Keys: those that speak for a store, that a call names itself with, and that seal a store's secrets."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from loyalty.stores import clock

from .people import User
from .store import Store

# Every call of the API asks this. Composed anew by the ORM it would cost many times what the answer costs.
KEY_FIELDS = ["id", "store_id", "prefix", "scopes", "expires_at", "last_used_at"]
FIND_KEY = f"SELECT {', '.join(KEY_FIELDS)} FROM stores_apikey WHERE digest = %s AND revoked_at IS NULL"  # noqa: S608


class ApiKey(models.Model):
    """A bearer key: shown once, kept as a hash, found by its hash."""

    class Scope(models.TextChoices):
        READ = "read", "Read everything"
        WRITE = "write", "Send facts: customers, activities, orders"
        ADJUST = "adjust", "Adjust balances"
        PRIVACY = "privacy", "Export and erase customers"

    store = models.ForeignKey(Store, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    audited = ("__str__", "scopes", "expires_at", "revoked_at")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @classmethod
    def issue(cls, store: Store, name: str, scopes: list[str] | None = None, user: User | None = None, **fields):
        """Make a key. Returns (row, clear key); the clear key is never stored."""
        clear = f"lk_{secrets.token_urlsafe(32)}"
        row = cls.objects.create(
            store=store, name=name, prefix=clear[:8], last_four=clear[-4:], digest=cls.digest_of(clear),
            scopes=list(cls.Scope) if scopes is None else scopes, created_by=user, **fields,
        )  # fmt: skip
        return row, clear

    @staticmethod
    def digest_of(clear: str) -> bytes:
        # The key has 256 random bits, so one fast hash is as good as a slow one.
        return hashlib.sha256(clear.encode()).digest()

    @classmethod
    def find(cls, clear: str) -> "ApiKey | None":
        """The key, or None if it is unknown, revoked or expired. Its store is read when something asks for it."""
        with connection.cursor() as cursor:
            cursor.execute(FIND_KEY, [cls.digest_of(clear)])
            row = cursor.fetchone()
        if row is None:
            return None
        key = cls.from_db(connection.alias, KEY_FIELDS, row)
        key.store = Store.from_db(connection.alias, ["id"], [key.store_id])
        return None if key.has_expired else key

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    def touch(self) -> None:
        """Remember the use, to the minute: a write per call would cost more than it tells."""
        now = clock.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)


class IdempotencyRecord(models.Model):
    """The answer to a call that named itself with `Idempotency-Key`; replayed for 30 days."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+")
    identity = models.BinaryField(max_length=32)  # SHA-256 of credential, method, path, key
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "identity"], name="stores_idempotency_once")]


class StoreKey(models.Model):
    """What a store's secrets are sealed with, itself wrapped by ENCRYPTION_KEY; see secrets.py. The newest two live."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+", db_index=False)
    version = models.PositiveSmallIntegerField()
    wrapped = models.BinaryField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "version"], name="stores_storekey_version")]

    def __str__(self):
        return f"Key {self.version} of {self.store}"
