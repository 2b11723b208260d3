"""The raw evidence of what came in over a connection."""

from django.db import models
from django.db.models import Q

from loyalty.stores.facts import Fact
from loyalty.stores.models import Store

from .connections import Connection

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
