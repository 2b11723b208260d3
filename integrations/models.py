"""A store's link to each wire language, and the raw evidence of what came in over it."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer
from loyalty.stores import clock
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store, User
from loyalty.stores.secrets import SealedField, decrypt, encrypt

from . import exact_json

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


# Calls that may be applied once more. One that was refused in its own answer stays refused.
OPEN = (Q(quarantined_at__isnull=False) | Q(outcome__in=["rejected", "unknown"])) & Q(
    answer__isnull=True, due_at__isnull=True, body_digest__isnull=True
)


class InboundEventQuerySet(models.QuerySet["InboundEvent"]):
    def open(self) -> "InboundEventQuerySet":
        return self.filter(OPEN)


class InboundEvent(Fact):
    """A verified call as it came, kept before it is interpreted, so that it can be applied again."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        APPLIED = "applied", "Applied"
        REJECTED = "rejected", "Rejected"
        UNKNOWN = "unknown", "Not understood"

    store = models.ForeignKey(Store, models.PROTECT, related_name="inbound_events")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="inbound_events", db_index=False)
    event = models.CharField(max_length=60)
    identity = models.CharField(max_length=255)  # equal identity: the same call again
    body = models.TextField()
    body_digest = models.BinaryField(max_length=32, null=True)  # SHA-256, when the body's time was over
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    answer_status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)

    objects = InboundEventQuerySet.as_manager()

    audited = ("outcome",)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["store", "connection", "event", "identity"], name="integrations_inbound_once"
            ),
        ]
        indexes = [
            Fact.due_index("integrations_inbound_due"),
            # The list of calls, and what it is narrowed to.
            models.Index("store", "id", name="integrations_inbound_newest"),
            models.Index("store", "outcome", "id", name="integrations_inbound_outcome"),
            models.Index("store", "connection", "id", name="integrations_inbound_of"),
            models.Index("store", "id", condition=OPEN, name="integrations_inbound_open"),
            # For inbox.forget_bodies.
            models.Index(
                "store", "received_at", condition=Q(body_digest__isnull=True), name="integrations_inbound_bodies"
            ),
            # Items that wait for a person.
            models.Index("store", "id", condition=Q(quarantined_at__isnull=False), name="integrations_inbound_stuck"),
        ]

    def __str__(self):
        return self.event


class EventSchema(models.Model):
    """A custom event that callers declared before they send it: its name and its body's fields."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="event_schemas")
    event_type = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    fields = models.JSONField(default=list)  # [{name, type, description}]
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    audited = ("__str__", "name", "fields", "is_active")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "event_type"], name="integrations_eventschema_type")]

    def __str__(self):
        return self.event_type


class CustomEvent(models.Model):
    """A custom event as told, under its schema. Of a known customer it is an Activity too, which earns.

    One of an unknown person stays without a customer: it has no effects, also when they join later.
    """

    store = models.ForeignKey(Store, models.PROTECT, related_name="custom_events", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    schema = models.ForeignKey(EventSchema, models.PROTECT, related_name="events", db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="custom_events", db_index=False)
    # The caller's id of it. Null, not "", when there is none, so that many may have none.
    external_id = models.CharField(max_length=255, null=True)
    customer_data = models.JSONField(default=dict)  # who it was said of, in the caller's words
    body = models.JSONField(default=dict, encoder=exact_json.Encoder, decoder=exact_json.Decoder)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="integrations_customevent_public"),
            models.UniqueConstraint(fields=["store", "external_id"], name="integrations_customevent_once"),
        ]
        indexes = [
            # The list, and one customer's.
            models.Index("store", "id", name="integrations_customevent_new"),
            models.Index("store", "customer", "id", name="integrations_customevent_who"),
        ]

    def __str__(self):
        return str(self.public_id)


# The widget's tables belong to this app; Django finds them here.
from .widget.models import (  # noqa: E402
    Widget,
    WidgetAllowance,
    WidgetFault,
    WidgetOrigin,
    WidgetSecret,
)  # fmt: skip

__all__ = [
    "Connection", "ConnectionToken", "CustomEvent", "EventSchema", "InboundEvent", "Widget", "WidgetAllowance",
    "WidgetFault", "WidgetOrigin", "WidgetSecret",
]  # fmt: skip
