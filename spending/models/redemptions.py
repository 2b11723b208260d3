"""Each taking of a reward."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer, Points
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store

from .codes import CODE_LENGTH, CouponCode
from .rewards import Reward


class Redemption(models.Model):
    """One taking of a reward: points against a code, moved together or not at all."""

    class State(models.TextChoices):
        PENDING = "pending", "Being made"  # points are taken, the shop is making the code
        ISSUED = "issued", "Issued"
        USED = "used", "Used"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    store = models.ForeignKey(Store, models.PROTECT, related_name="redemptions", db_index=False, db_constraint=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="redemptions", db_index=False, db_constraint=False
    )
    reward = models.ForeignKey(Reward, models.PROTECT, related_name="redemptions", db_index=False, db_constraint=False)
    reward_version = models.PositiveIntegerField()
    # The caller's name of this call: the same one never takes points twice. "" when there is none.
    identity = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    points = Points()  # what it cost
    multiplier = models.PositiveIntegerField(default=1)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True)  # in the store's currency, if known
    code = models.CharField(max_length=CODE_LENGTH, blank=True, default="")
    code_key = models.GeneratedField(
        expression=Lower("code"), output_field=models.CharField(max_length=CODE_LENGTH), db_persist=True
    )
    coupon = models.ForeignKey(
        CouponCode, models.PROTECT, null=True, related_name="redemptions", db_index=False, db_constraint=False
    )
    decision = models.JSONField(default=dict)  # why it was allowed; see spending.offers.judge
    source = models.CharField(max_length=20, default="api")
    actor = models.CharField(max_length=100, blank=True)
    details = models.JSONField(default=dict)  # what a code's maker notes: ids in the shop
    issued_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    order_external_id = models.CharField(max_length=255, blank=True, default="")
    order_total = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    order_discount = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=255, blank=True, default="")
    cancelled_by = models.CharField(max_length=100, blank=True, default="")
    # The redemption that replaces this one, when support reissued it.
    replaced_by = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="replaces", db_index=False, db_constraint=False
    )

    audited = ("state",)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="spending_redemption_public_id"),
            models.UniqueConstraint(
                fields=["store", "identity"], condition=~Q(identity=""), name="spending_redemption_once"
            ),
            models.UniqueConstraint(
                fields=["store", "code_key"], condition=~Q(code=""), name="spending_redemption_code"
            ),
            models.UniqueConstraint(  # L8: a code is issued once
                fields=["store", "coupon"], condition=Q(coupon__isnull=False), name="spending_redemption_coupon"
            ),
        ]
        indexes = [
            models.Index("store", "id", name="spending_redemption_newest"),  # the list, and the figures of the newest
            models.Index("store", "customer", "id", name="spending_redemption_of"),
            # How much of a limit is used, by a customer and in all; bounded by the limit itself.
            models.Index(
                "store", "reward", "customer", "issued_at", name="spending_redemption_taken",
                condition=~Q(state="cancelled"),
            ),
            models.Index(
                "store", "reward", "issued_at", name="spending_redemption_in_all", condition=~Q(state="cancelled")
            ),
            models.Index(
                "store", "expires_at", name="spending_redemption_expiring",
                condition=Q(state="issued", expires_at__isnull=False),
            ),
            models.Index("store", "issued_at", condition=Q(state="pending"), name="spending_redemption_pending"),
        ]  # fmt: skip

    def __str__(self):
        return f"{self.reward} {self.code}".strip()

    @property
    def ledger_source(self) -> str:
        return f"redemption:{self.pk}"


class Fulfilment(Fact):
    """A custom reward that the merchant's own system hands over: told by webhook until it says 2xx."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="fulfilments", db_index=False)
    redemption = models.ForeignKey(Redemption, models.PROTECT, related_name="fulfilments", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)  # the same on every try
    url = models.CharField(max_length=500)
    answered_status = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "redemption"], name="spending_fulfilment_once")]
        indexes = [Fact.due_index("spending_fulfilment_due")]
