"""Who takes part in the programme, and the wallet that each has."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractDay, ExtractMonth, Lower
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.models import Store


class Points(models.DecimalField):
    """Exact points: NUMERIC(20, 6). The store says how many decimals it uses."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        size: dict[str, Any] = {"max_digits": 20, "decimal_places": 6, "default": Decimal(0)}
        super().__init__(*args, **(size | kwargs))


class Customer(models.Model):
    """A person in one store's programme. Anonymised on request, never deleted."""

    class State(models.TextChoices):
        GUEST = "guest", "Guest"
        ENROLLED = "enrolled", "Enrolled"
        BLOCKED = "blocked", "Blocked"

    store = models.ForeignKey(Store, models.PROTECT, related_name="customers", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    # The shop's id. Null, not "", when the shop has none, so that many may have none.
    external_id = models.CharField(max_length=255, null=True, blank=True)
    email = models.CharField(max_length=254, null=True, blank=True)  # trimmed, lower case
    phone = models.CharField(max_length=32, null=True, blank=True)
    card_number = models.CharField(max_length=64, null=True, blank=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    # Stored, since an index on lower() is of no use under row-level security: lower() is not leakproof.
    first_key = models.GeneratedField(
        expression=Lower("first_name"), output_field=models.CharField(max_length=200), db_persist=True
    )
    last_key = models.GeneratedField(
        expression=Lower("last_name"), output_field=models.CharField(max_length=200), db_persist=True
    )
    birthday = models.DateField(null=True, blank=True)
    birthday_set_at = models.DateTimeField(null=True, blank=True)  # a birthday typed last week earns nothing yet
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.GUEST)
    properties = models.JSONField(default=dict, blank=True)
    # Moved by earning.orders by what an order adds, so goals and anniversaries need no scan of the orders.
    first_order_at = models.DateTimeField(null=True, blank=True)
    orders_count = models.PositiveIntegerField(default=0)
    orders_total = models.DecimalField(max_digits=20, decimal_places=4, default=Decimal(0))
    enrolled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    audited = ("state",)  # no name, address or id: a record of changes outlives the person's erasure

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="customers_customer_public_id"),
            models.UniqueConstraint(fields=["store", "external_id"], name="customers_customer_external_id"),
            models.UniqueConstraint(fields=["store", "email"], name="customers_customer_email"),
            models.UniqueConstraint(fields=["store", "phone"], name="customers_customer_phone"),
            models.UniqueConstraint(fields=["store", "card_number"], name="customers_customer_card_number"),
            models.CheckConstraint(name="customers_customer_email_is_normal", condition=Q(email=Lower("email"))),
            models.CheckConstraint(name="customers_customer_no_empty_ids", condition=~Q(external_id="") & ~Q(email="")),
        ]
        indexes = [
            # The nightly birthday pass.
            models.Index(
                "store", ExtractMonth("birthday"), ExtractDay("birthday"),
                condition=Q(birthday__isnull=False), name="customers_customer_birthdays",
            ),
            # Search by the beginning of an address or a name.
            models.Index(
                fields=["store", "email"],
                opclasses=["int8_ops", "text_pattern_ops"],
                name="customers_customer_by_email",
            ),
            models.Index(
                fields=["store", "last_key"],
                opclasses=["int8_ops", "text_pattern_ops"],
                name="customers_customer_by_last",
            ),
            models.Index(
                fields=["store", "first_key"],
                opclasses=["int8_ops", "text_pattern_ops"],
                name="customers_customer_by_first",
            ),
        ]  # fmt: skip

    def __str__(self):
        return (
            "Erased customer" if self.is_erased else self.name or self.email or self.external_id or str(self.public_id)
        )

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def source(self) -> str:
        return f"customer:{self.pk}"

    @property
    def tombstone(self) -> str:
        """Their external id once they are erased: nobody's."""
        return f"erased:{self.public_id}"

    @property
    def is_erased(self) -> bool:
        return self.external_id == self.tombstone


class CustomerAlias(models.Model):
    """A further external id of the same person: a guest who registered, a merge."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=255)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="aliases")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "external_id"], name="customers_alias_external_id")]

    def __str__(self):
        return self.external_id


class Wallet(models.Model):
    """One narrow row per customer and unit: the only row locked and updated when points move.

    `balance` may be spent, `pending` waits for approval; the rest are running totals, all >= 0.
    """

    store = models.ForeignKey(Store, models.PROTECT, related_name="wallets", db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="wallets")
    unit = models.CharField(max_length=20, default="points")
    balance = Points()
    pending = Points()
    earned = Points()
    spent = Points()
    expired = Points()
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        # No index on the amounts: every posting stays a HOT update.
        constraints = [models.UniqueConstraint(fields=["store", "customer", "unit"], name="customers_wallet_one_each")]
