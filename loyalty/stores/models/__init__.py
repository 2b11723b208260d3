"""The tenant: who runs a programme, and the keys that speak for it."""

import hashlib
import re
import secrets
import zoneinfo
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from uuid_utils.compat import uuid7

from . import clock
from .records import AccountRecord, AuditRecord  # noqa: F401 - Django finds models here

# First path parts that native routes and dialects use; a store named so could not be reached.
RESERVED_SLUGS = {
    "acl", "admin", "api", "audit", "demo", "docs", "export", "headless", "healthcheck", "import", "integrations",
    "js", "language", "schema", "settings", "static", "store", "stores", "token", "translation", "v1", "v2", "widget",
}  # fmt: skip

ROUNDINGS = {"floor": ROUND_FLOOR, "half_up": ROUND_HALF_UP, "ceiling": ROUND_CEILING}


class UserManager(BaseUserManager["User"]):
    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do is said per store, by StaffMember."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may open the support admin", default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()
    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    audited = ("__str__", "email", "is_active", "is_staff")

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="stores_user_email_ignores_case")]

    def __str__(self):
        return self.email

    def get_short_name(self):
        return self.name or self.email.split("@")[0]

    @property
    def memberships(self) -> "models.QuerySet[StaffMember]":
        """Their roles, each with its store."""
        return self.staff_memberships.select_related("store")

    @property
    def supported_stores(self) -> "models.QuerySet[Store]":
        """Those that the support admin shows them: every store to a superuser, else where they work."""
        return Store.objects.all() if self.is_superuser else Store.objects.filter(staff__user=self)


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


class StaffMember(models.Model):
    """A user's role in one store. Reached through `user.staff_memberships`, so a stranger finds nothing."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        MANAGER = "manager", "Manager"
        SUPPORT = "support", "Support"
        VIEWER = "viewer", "Viewer"

    store = models.ForeignKey(Store, models.CASCADE, related_name="staff")
    user = models.ForeignKey(User, models.CASCADE, related_name="staff_memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    audited = ("__str__", "role")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "user"], name="stores_staffmember_one_role_each")]

    def __str__(self):
        return f"{self.user}: {self.get_role_display()} of {self.store}"

    @property
    def can_edit(self) -> bool:
        """May change how the programme works: rules, connections, settings."""
        return self.role in (self.Role.OWNER, self.Role.MANAGER)

    @property
    def can_support(self) -> bool:
        """May help a customer: adjust a balance, approve or decline an activity."""
        return self.can_edit or self.role == self.Role.SUPPORT


# Every call of the API asks this. Composed anew by the ORM it would cost many times what the answer costs.
KEY_FIELDS = ["id", "store_id", "prefix", "scopes", "expires_at", "last_used_at"]
FIND_KEY = f"SELECT {', '.join(KEY_FIELDS)} FROM stores_apikey WHERE digest = %s AND revoked_at IS NULL"  # noqa: S608


class ApiKey(models.Model):
    """A bearer key: shown once, kept as a hash, found by its hash."""

    class Scope(models.TextChoices):
        READ = "read", "Read everything"
        WRITE = "write", "Send facts: customers, activities, orders"
        ADJUST = "adjust", "Adjust balances"
        PRIVACY = "privacy", "Export and erase customers"

    store = models.ForeignKey(Store, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    audited = ("__str__", "scopes", "expires_at", "revoked_at")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @classmethod
    def issue(cls, store: Store, name: str, scopes: list[str] | None = None, user: User | None = None, **fields):
        """Make a key. Returns (row, clear key); the clear key is never stored."""
        clear = f"lk_{secrets.token_urlsafe(32)}"
        row = cls.objects.create(
            store=store, name=name, prefix=clear[:8], last_four=clear[-4:], digest=cls.digest_of(clear),
            scopes=list(cls.Scope) if scopes is None else scopes, created_by=user, **fields,
        )  # fmt: skip
        return row, clear

    @staticmethod
    def digest_of(clear: str) -> bytes:
        # The key has 256 random bits, so one fast hash is as good as a slow one.
        return hashlib.sha256(clear.encode()).digest()

    @classmethod
    def find(cls, clear: str) -> "ApiKey | None":
        """The key, or None if it is unknown, revoked or expired. Its store is read when something asks for it."""
        with connection.cursor() as cursor:
            cursor.execute(FIND_KEY, [cls.digest_of(clear)])
            row = cursor.fetchone()
        if row is None:
            return None
        key = cls.from_db(connection.alias, KEY_FIELDS, row)
        key.store = Store.from_db(connection.alias, ["id"], [key.store_id])
        return None if key.has_expired else key

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    def touch(self) -> None:
        """Remember the use, to the minute: a write per call would cost more than it tells."""
        now = clock.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)


class IdempotencyRecord(models.Model):
    """The answer to a call that named itself with `Idempotency-Key`; replayed for 30 days."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+")
    identity = models.BinaryField(max_length=32)  # SHA-256 of credential, method, path, key
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "identity"], name="stores_idempotency_once")]


class StoreKey(models.Model):
    """What a store's secrets are sealed with, itself wrapped by ENCRYPTION_KEY; see secrets.py. The newest two live."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+", db_index=False)
    version = models.PositiveSmallIntegerField()
    wrapped = models.BinaryField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "version"], name="stores_storekey_version")]

    def __str__(self):
        return f"Key {self.version} of {self.store}"
