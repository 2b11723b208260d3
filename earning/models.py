"""How points are earned, what customers did, and what it was worth."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer, Points
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store

from . import actions

MAX_POINTS = Decimal(1_000_000_000)


class EarningRule(models.Model):
    """What one action is worth. An edit makes a new version; decisions keep the one they used."""

    class Approval(models.TextChoices):
        AT_ONCE = "at_once", "At once"
        AFTER_DAYS = "after_days", "After some days"
        BY_HAND = "by_hand", "By hand"

    class Limit(models.TextChoices):
        NONE = "", "No limit"
        COUNT = "count", "Times"
        POINTS = "points", "Points"

    class Period(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        YEAR = "year", "a year"
        EVER = "ever", "ever"

    store = models.ForeignKey(Store, models.PROTECT, related_name="rules", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    kind = models.CharField(max_length=30, choices=actions.choices)
    # What facts call it: the kind's own word, or `custom:<identifier>`.
    action = models.CharField(max_length=80, editable=False)
    # Read-only name of a custom action for API callers; "" for the others.
    action_id = models.CharField("ActionID", max_length=12, blank=True, editable=False)
    name = models.CharField(max_length=100)
    text = models.CharField("text for shoppers", max_length=255, blank=True)
    icon = models.CharField(max_length=30, default="star")
    points = models.DecimalField(
        max_digits=16, decimal_places=6, validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MAX_POINTS)]
    )
    settings = models.JSONField(default=dict, blank=True)  # the kind's own, checked by its class
    is_enabled = models.BooleanField(default=True)
    active_from = models.DateTimeField(null=True, blank=True)
    active_until = models.DateTimeField(null=True, blank=True)
    limit = models.CharField(max_length=10, choices=Limit, blank=True, default=Limit.NONE)
    limit_value = models.DecimalField(
        max_digits=16, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    limit_period = models.CharField(max_length=10, choices=Period, default=Period.EVER)
    tags_any = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    tags_none = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    approval = models.CharField(max_length=10, choices=Approval, default=Approval.AT_ONCE)
    approval_days = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(365)])
    email_subject = models.CharField(max_length=150, blank=True)
    email_text = models.TextField(blank=True)
    position = models.PositiveIntegerField(default=0)  # among rules of one action the first that fits pays
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    audited = (
        "__str__", "kind", "name", "text", "icon", "points", "settings", "is_enabled", "active_from", "active_until",
        "limit", "limit_value", "limit_period", "tags_any", "tags_none", "approval", "approval_days", "email_subject",
        "position", "version",
    )  # fmt: skip

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="earning_rule_public_id"),
            models.UniqueConstraint(
                fields=["store", "action_id"], condition=~Q(action_id=""), name="earning_rule_action_id"
            ),
            models.UniqueConstraint(
                fields=["store", "action"], condition=Q(kind="custom"), name="earning_rule_custom_identifier"
            ),
            models.CheckConstraint(name="earning_rule_points_not_negative", condition=Q(points__gte=0)),
        ]
        indexes = [models.Index("store", "action", name="earning_rule_of_action")]

    def __str__(self):
        return self.name

    @property
    def action_kind(self) -> "actions.Action":
        return actions.KINDS[self.kind]

    @property
    def identifier(self) -> str:
        """What a custom action's callers may name instead of its ActionID."""
        return self.action.removeprefix("custom:") if self.kind == "custom" else ""


class EarningRuleVersion(models.Model):
    """A rule as it was: what a decision that names (rule, number) was made with."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", db_index=False)
    rule = models.ForeignKey(EarningRule, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    values = models.JSONField()
    actor = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["store", "rule", "number"], name="earning_ruleversion_number")]


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


class Activity(Fact):
    """Something a customer did, and what it was worth. A purchase is an activity of its order."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        VOID = "void", "Void"

    # db_constraint=False: composite keys (store, ...) check these, the stamp its rule; see migration 0002.
    store = models.ForeignKey(Store, models.PROTECT, related_name="activities", db_index=False, db_constraint=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="activities", db_index=False, db_constraint=False
    )
    action = models.CharField(max_length=80)
    external_id = models.CharField(max_length=255, blank=True, default="")
    order = models.ForeignKey(
        Order, models.PROTECT, null=True, related_name="activities", db_index=False, db_constraint=False
    )
    source = models.CharField(max_length=20, default="api")
    occurred_at = models.DateTimeField(default=timezone.now)
    properties = models.JSONField(default=dict)
    # Said by the caller, wins over the rule: "approved" at once or "pending" until amended.
    asked_state = models.CharField(max_length=10, blank=True, default="")
    asked_points = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    # Only this rule may pay (goals, birthdays, custom actions by id); null: any rule of the action.
    asked_rule = models.ForeignKey(
        EarningRule, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    rule = models.ForeignKey(
        EarningRule, models.PROTECT, null=True, related_name="activities", db_index=False, db_constraint=False
    )
    rule_version = models.PositiveIntegerField(null=True)
    points = Points()  # what it is worth; after decline or void the last worth
    decision = models.JSONField(null=True)

    audited = ("state", "asked_state")

    class Meta:
        verbose_name_plural = "activities"
        constraints = [
            # L3: one outside fact once. Without an id of its own each call is a new activity.
            models.UniqueConstraint(
                fields=["store", "action", "external_id"], condition=~Q(external_id=""), name="earning_activity_once"
            ),
            models.UniqueConstraint(fields=["store", "public_id"], name="earning_activity_public_id"),
        ]
        indexes = [
            Fact.due_index("earning_activity_due"),
            # One customer's activity page. The store's goes by the primary key (store, id), see migration 0002.
            models.Index("store", "customer", "id", name="earning_activity_of_customer"),
            # How much of a limit is used; bounded by the limit itself.
            models.Index(
                "store", "customer", "rule", "occurred_at", name="earning_activity_usage", include=["points"],
                condition=Q(state__in=["pending", "approved"], rule__isnull=False),
            ),
            # Items that wait for a person: to be tried again, to be approved.
            models.Index("store", "id", condition=Q(quarantined_at__isnull=False), name="earning_activity_quarantined"),
            models.Index(
                "store", "id", condition=Q(state="pending", due_at__isnull=True), name="earning_activity_waiting"
            ),
        ]  # fmt: skip

    def __str__(self):
        return f"{self.action} {self.external_id}".strip()

    @property
    def title(self) -> str:
        """The rule's name, else the action's."""
        if self.rule:
            return self.rule.name
        kind = actions.KINDS.get(self.action)
        return kind.label if kind else self.action.removeprefix("custom:")

    @property
    def ledger_source(self) -> str:
        return f"activity:{self.pk}"
