"""What customers did, and what it was worth."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer, Points
from earning import actions
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store

from .orders import Order
from .rules import EarningRule


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
