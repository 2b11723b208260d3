"""Who takes part in the programme and what they own."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractDay, ExtractMonth, Lower
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.facts import Fact
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


class LedgerEntry(models.Model):
    """One movement of points. Append-only; `customers.ledger.settle` is the only writer.

    `kind` is the contra account, so the books are double entry. `points` changes the balance and `pending`
    what waits for approval, both signed. `source` names what the points are for, `revision` how often
    settle has corrected it.
    """

    class Kind(models.TextChoices):
        EARN = "earn", "Earned"
        REDEEM = "redeem", "Redeemed"
        ADJUST = "adjust", "Adjusted"
        EXPIRE = "expire", "Expired"
        HOLD = "hold", "Held"
        IMPORT = "import", "Imported"
        WRITE_OFF = "write_off", "Debt written off"

    # db_constraint=False: one composite key (store, customer, wallet) checks all three at a third of the cost.
    store = models.ForeignKey(Store, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    points = Points()
    pending = Points()
    balance_after = Points()
    pending_after = Points()
    source = models.CharField(max_length=100)
    revision = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=255, blank=True)
    actor = models.CharField(max_length=100, blank=True)
    effective_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            # The statement, and the chain that check_ledger walks.
            models.UniqueConstraint(fields=["store", "wallet", "seq"], name="customers_entry_seq"),
            # What settle reads: all that a source has posted.
            models.UniqueConstraint(
                fields=["store", "wallet", "source", "revision"],
                name="customers_entry_source",
                include=["points", "pending"],
            ),
            models.CheckConstraint(
                name="customers_entry_only_earn_overdraws",  # a refund after spending
                condition=Q(points__gte=0) | Q(kind="earn") | Q(balance_after__gte=0),
            ),
            models.CheckConstraint(name="customers_entry_moves", condition=~Q(points=0) | ~Q(pending=0)),
        ]
        # The primary key is (store, id), see migration 0002: one index less to write, and a store's newest come by it.

    def __str__(self):
        return f"{self.get_kind_display()} {self.points:+f} ({self.source})"


class LedgerSeal(models.Model):
    """A chunk of a store's entries as one hash, bound to the seal before it. Append-only; see customers.seals."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="seals", db_index=False)
    number = models.PositiveIntegerField()  # from 1, without a gap
    last_entry_id = models.BigIntegerField()  # it holds the entries after those of the seal before it, up to this one
    count = models.PositiveIntegerField()
    root = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "number"], name="customers_seal_number")]


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
