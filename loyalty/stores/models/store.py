"""The tenant: a merchant's programme."""

import re
import zoneinfo
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Upper
from uuid_utils.compat import uuid7

# First path parts that native routes and dialects use; a store named so could not be reached.
RESERVED_SLUGS = {
    "acl", "admin", "api", "audit", "demo", "docs", "export", "headless", "healthcheck", "import", "integrations",
    "js", "language", "schema", "settings", "static", "store", "stores", "token", "translation", "v1", "v2", "widget",
}  # fmt: skip

ROUNDINGS = {"floor": ROUND_FLOOR, "half_up": ROUND_HALF_UP, "ceiling": ROUND_CEILING}


def validate_slug(value: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,48}", value):
        raise ValidationError("Use 2 to 49 lower-case letters, digits and hyphens.")
    if value in RESERVED_SLUGS:
        raise ValidationError(f"“{value}” is used by Loyalty itself. Choose another.")


def validate_timezone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError("Choose a time zone from the list, such as Europe/Berlin.")


class Store(models.Model):
    """One merchant's programme: the tenant that every other row belongs to."""

    class Rounding(models.TextChoices):
        FLOOR = "floor", "Down"
        HALF_UP = "half_up", "To the nearest"
        CEILING = "ceiling", "Up"

    class NegativeBalance(models.TextChoices):
        DEBT = "debt", "Keep as debt: later points repay it, no spending until then"
        WRITE_OFF = "write_off", "Write it off: the balance goes back to zero"
        REVIEW = "review", "Keep as debt and mark the customer for review"

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.CharField(max_length=49, unique=True, validators=[validate_slug])
    name = models.CharField(max_length=100)
    domain = models.CharField(max_length=253, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    timezone = models.CharField(max_length=63, default="UTC", validators=[validate_timezone])
    points_name = models.CharField(max_length=30, default="point")
    points_name_plural = models.CharField(max_length=30, default="points")
    points_decimals = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(6)])
    points_rounding = models.CharField(max_length=10, choices=Rounding, default=Rounding.FLOOR)
    negative_balance = models.CharField(max_length=10, choices=NegativeBalance, default=NegativeBalance.DEBT)
    # The order status that approves a purchase's points; see earning.orders.STATUSES.
    award_status = models.CharField(max_length=20, default="completed")
    # Points spent on a code come back when the order it was used on is refunded in full or cancelled.
    refunds_return_points = models.BooleanField(default=True)
    # How much one person of support may give and take by hand in a day. Empty: any number.
    adjustment_daily_cap = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    # An adjustment of more than this waits for a second person. Empty: none does.
    adjustment_approval_above = models.DecimalField(
        max_digits=20, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    # Its people see it only when their account asks for a second step at sign-in.
    needs_two_steps = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    audited = (
        "__str__", "name", "domain", "currency", "timezone", "points_name", "points_name_plural", "points_decimals",
        "points_rounding", "negative_balance", "award_status", "refunds_return_points", "adjustment_daily_cap",
        "adjustment_approval_above", "needs_two_steps",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(Upper("domain"), name="stores_store_domain")]  # for widget.origins.is_of_anyone

    def __str__(self):
        return self.name

    def refresh_from_db(self, using=None, fields=None, from_queryset=None) -> None:
        """A store of which only the id is known reads the rest at once, not field by field."""
        if fields is not None and (missing := self.get_deferred_fields()):
            fields = {*fields, *missing}
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.tz)

    def midnight(self, day: date) -> datetime:
        """The moment that the day begins in the store's time zone."""
        return datetime.combine(day, time.min, self.tz)

    @property
    def quantum(self) -> Decimal:
        return Decimal(1).scaleb(-self.points_decimals)

    def points_unit(self, points: Decimal) -> str:
        return self.points_name if abs(points) == 1 else self.points_name_plural
