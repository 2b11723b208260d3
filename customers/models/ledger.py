"""Movements of points, only ever added, and the seals over them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.models import Store

from .people import Customer, Points, Wallet


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

    class Code(models.TextChoices):
        """Why points were moved by hand, to be counted by; `reason` says it in words."""

        GOODWILL = "goodwill", "Goodwill"
        CORRECTION = "correction", "Correction"
        LOST_ORDER = "lost_order", "Order that was not told"
        MIGRATION = "migration", "Moved from elsewhere"
        OTHER = "other", "Other"

    # db_constraint=False: one composite key (store, customer, wallet) checks all three at a third of the cost.
    store = models.ForeignKey(Store, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="entries", db_index=False, db_constraint=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    code = models.CharField(max_length=20, choices=Code, blank=True, db_default="")
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
        indexes = [
            # What a person has given and taken by hand today.
            models.Index(
                fields=["store", "actor", "created_at"], condition=Q(kind="adjust"), name="customers_entry_by_person"
            ),
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
