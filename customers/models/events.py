"""What happened and is worth telling: to people, and to the apps above."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.facts import Fact
from loyalty.stores.models import Store

from .ledger import LedgerEntry
from .people import Customer


class Topic(models.TextChoices):
    """Facts worth telling. One member, one place that records it."""

    CUSTOMER_CREATED = "customer.created", "Customer created"
    CUSTOMER_ENROLLED = "customer.enrolled", "Customer joined"
    CUSTOMER_UPDATED = "customer.updated", "Customer changed"
    CUSTOMER_ERASED = "customer.erased", "Customer erased"
    POINTS_MOVED = "points.moved", "Points moved"
    REWARD_REDEEMED = "reward.redeemed", "Reward taken"
    REDEMPTION_USED = "redemption.used", "Code used"
    REDEMPTION_CANCELLED = "redemption.cancelled", "Reward taken back"
    REDEMPTION_EXPIRED = "redemption.expired", "Code expired"
    CODES_LOW = "codes.low", "Codes run low"
    ATTENTION = "attention", "Needs a look"


class Event(models.Model):
    """What happened, written in the transaction that made it happen: the timeline, the outbox."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="events", db_index=False, db_constraint=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="events", null=True, db_index=False, db_constraint=False
    )
    public_id = models.UUIDField(default=uuid7, editable=False)
    topic = models.CharField(max_length=40, choices=Topic)
    entry = models.ForeignKey(
        LedgerEntry, models.PROTECT, null=True, related_name="events", db_index=False, db_constraint=False
    )
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # L15: each ledger effect has one event.
            models.UniqueConstraint(
                fields=["store", "entry"], condition=Q(entry__isnull=False), name="customers_event_per_entry"
            ),
        ]
        indexes = [
            models.Index("store", "customer", "id", name="customers_event_timeline"),
            # Items that wait for a person, newest first.
            models.Index("store", "id", condition=Q(topic="attention"), name="customers_event_attention"),
        ]

    def __str__(self):
        return self.get_topic_display()


class Resolution(models.Model):
    """What a person decided about an event that needed a look. One each: whoever writes it has its effect."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="resolutions", db_index=False)
    event = models.ForeignKey(Event, models.PROTECT, related_name="resolutions", db_index=False)
    choice = models.CharField(max_length=40)  # a key of the item's choices
    actor = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "event"], name="customers_resolution_one_each")]


class OrderNotice(Fact):
    """An order that carries discount codes, as it stands: earning writes it, spending marks its codes used by it.

    One row an order; told again with other content it is due again. `data`: {codes, redemption_ids, total,
    discount, is_cancelled, is_refunded}, money as decimal text.
    """

    store = models.ForeignKey(Store, models.PROTECT, related_name="order_notices", db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", null=True, db_index=False)
    order_external_id = models.CharField(max_length=255)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "order_external_id"], name="customers_ordernotice_order")
        ]
        indexes = [Fact.due_index("customers_ordernotice_due")]
