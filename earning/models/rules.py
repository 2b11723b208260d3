"""How points are earned."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from earning import actions
from loyalty.stores.models import Store

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
