"""What customers bought, as their shops told of it."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store


class Order(models.Model):
    """One purchase as folded from its facts. `earning.orders` writes it; facts may arrive in any order."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="orders", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders", null=True, db_index=False)
    external_id = models.CharField(max_length=255)
    number = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=20, blank=True)  # "" until a body is known: a refund came first
    is_cancelled = models.BooleanField(default=False)
    is_awardable = models.BooleanField(default=False)  # reached the status that approves its points
    awardable_at = models.DateTimeField(null=True)
    total = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    subtotal = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    tax = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    shipping = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    discount = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    refunded = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    has_refund = models.BooleanField(default=False)  # of an order of nothing, any refund is a full one
    # What this order adds to the customer's orders_count and orders_total now.
    counted = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    discount_codes = models.JSONField(default=list)
    items = models.JSONField(default=list)
    placed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "external_id"], name="earning_order_external_id"),
            models.UniqueConstraint(fields=["store", "public_id"], name="earning_order_public_id"),
        ]
        indexes = [models.Index("store", "customer", "id", name="earning_order_of_customer")]

    def __str__(self):
        return self.number or self.external_id

    @property
    def is_refunded(self) -> bool:
        return self.has_refund and self.refunded >= self.total


class OrderFact(Fact):
    """One thing a shop said about an order. The order's points are a pure function of the set of these."""

    class Kind(models.TextChoices):
        STATUS = "status", "Status"
        REFUND = "refund", "Refund"
        CANCELLED = "cancelled", "Cancelled"
        CLOSED = "closed", "Closed after a full refund"
        REOPENED = "reopened", "Reopened"

    store = models.ForeignKey(Store, models.PROTECT, related_name="order_facts", db_index=False)
    order_external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=10, choices=Kind)
    identity = models.CharField(max_length=255)  # equal identity: the same fact told again
    data = models.JSONField(default=dict)  # see earning.orders.record_fact
    source = models.CharField(max_length=20, default="api")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["store", "order_external_id", "kind", "identity"], name="earning_orderfact_once"
            ),
        ]
        indexes = [
            Fact.due_index("earning_orderfact_due"),
            # Items that wait for a person.
            models.Index(
                "store", "id", condition=Q(quarantined_at__isnull=False), name="earning_orderfact_quarantined"
            ),
        ]
