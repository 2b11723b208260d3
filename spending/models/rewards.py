"""What points buy, in versions."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.models import Store
from spending import rewards

from .codes import CodePool

MAX_POINTS = Decimal(1_000_000_000)


class Reward(models.Model):
    """What points buy. An edit makes a new version; redemptions keep the one they were made with."""

    class CodeSource(models.TextChoices):
        POOL = rewards.POOL, "From an uploaded list"
        GENERATED = rewards.GENERATED, "Made by Loyalty"
        SHOP = rewards.SHOP, "Made in your shop"
        NONE = rewards.NO_CODE, "No code"

    class Validity(models.TextChoices):
        FOREVER = "", "For ever"
        DAYS = "days", "Days"
        WEEKS = "weeks", "Weeks"
        MONTHS = "months", "Months"
        DATE = "date", "Until a date"

    class Period(models.TextChoices):
        DAY = "day", "a day"
        WEEK = "week", "a week"
        MONTH = "month", "a month"
        YEAR = "year", "a year"
        EVER = "ever", "ever"

    store = models.ForeignKey(Store, models.PROTECT, related_name="rewards", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    kind = models.CharField(max_length=30, choices=rewards.choices)
    name = models.CharField(max_length=100)
    text = models.CharField("text for shoppers", max_length=255, blank=True)
    icon = models.CharField(max_length=30, default="gift")
    image = models.ForeignKey("RewardImage", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    # The cost; of an amount of their choice the cost of each step.
    points = models.DecimalField(
        max_digits=16, decimal_places=6,
        validators=[MinValueValidator(Decimal("0.000001")), MaxValueValidator(MAX_POINTS)],
    )  # fmt: skip
    settings = models.JSONField(default=dict, blank=True)  # the kind's own, checked by its class
    minimum_order = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    code_source = models.CharField(max_length=10, choices=CodeSource, default=CodeSource.POOL)
    code_prefix = models.CharField(max_length=20, blank=True)  # of codes that we make
    pool = models.ForeignKey(CodePool, models.PROTECT, null=True, blank=True, related_name="rewards", db_index=False)
    validity = models.CharField(max_length=10, choices=Validity, blank=True, default=Validity.FOREVER)
    validity_count = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MaxValueValidator(1000)])
    validity_until = models.DateField(null=True, blank=True)
    customer_limit = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    customer_limit_period = models.CharField(max_length=10, choices=Period, default=Period.EVER)
    total_limit = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    total_limit_period = models.CharField(max_length=10, choices=Period, default=Period.EVER)
    active_from = models.DateTimeField(null=True, blank=True)
    active_until = models.DateTimeField(null=True, blank=True)
    tags_any = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    tags_none = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    email_subject = models.CharField(max_length=150, blank=True)
    email_text = models.TextField(blank=True)
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)  # order of display
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    audited = (
        "__str__", "kind", "name", "text", "icon", "points", "settings", "minimum_order", "code_source", "code_prefix",
        "validity", "validity_count", "validity_until", "customer_limit", "customer_limit_period", "total_limit",
        "total_limit_period", "active_from", "active_until", "tags_any", "tags_none", "email_subject", "is_enabled",
        "position", "version",
    )  # fmt: skip

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="spending_reward_public_id"),
            models.CheckConstraint(name="spending_reward_costs_points", condition=Q(points__gt=0)),
            models.CheckConstraint(
                name="spending_reward_pool_if_from_it", condition=~Q(code_source="pool") | Q(pool__isnull=False)
            ),
        ]
        indexes = [models.Index("store", "position", "id", name="spending_reward_in_order")]

    def __str__(self):
        return self.name

    @property
    def reward_kind(self) -> rewards.RewardKind:
        return rewards.KINDS[self.kind]


class RewardVersion(models.Model):
    """A reward as it was: what a redemption that names (reward, number) was made with."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", db_index=False)
    reward = models.ForeignKey(Reward, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    values = models.JSONField()
    actor = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["store", "reward", "number"], name="spending_version_number")]


class RewardImage(models.Model):
    """A picture of a reward, kept here so that pages fetch nothing from elsewhere."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="reward_images", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    content_type = models.CharField(max_length=20)
    content = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "public_id"], name="spending_image_public_id")]
