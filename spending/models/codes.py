"""Codes that were uploaded: pools, the codes in them, and the jobs that load them from a CSV."""

from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.utils import timezone
from uuid_utils.compat import uuid7

from loyalty.stores.facts import Fact
from loyalty.stores.models import Store
from loyalty.stores.sets import run_set

CODE_LENGTH = 315
MOST_LOW_STOCK = 10_000  # each taking of a code looks at so many


class CodePool(models.Model):
    """Codes that were uploaded, from which rewards take the oldest free one."""

    class WhenEmpty(models.TextChoices):
        REFUSE = "refuse", "Say that it is sold out"
        FALLBACK = "fallback", "Take codes from another pool"
        PAUSE = "pause", "Pause its rewards"

    store = models.ForeignKey(Store, models.PROTECT, related_name="code_pools", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    low_stock_at = models.PositiveIntegerField(
        "warn when this many are left", default=20, validators=[MaxValueValidator(MOST_LOW_STOCK)]
    )
    when_empty = models.CharField(max_length=10, choices=WhenEmpty, default=WhenEmpty.REFUSE)
    fallback = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    # Set while the pool is low, so that each shortage is told once.
    low_since = models.DateTimeField(null=True, editable=False)
    low_told_at = models.DateTimeField(null=True, editable=False)  # when owners and managers were mailed
    # Codes by state as of counted_at. Counting ten million takes seconds, so pages show what was counted.
    counts = models.JSONField(default=dict, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    audited = ("__str__", "name", "low_stock_at", "when_empty")

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["store", "public_id"], name="spending_pool_public_id")]

    def __str__(self):
        return self.name


def code_key(code: str) -> Lower:
    """How a code is looked for, without case. PostgreSQL says, as it does for the stored key: Python lowers some
    letters otherwise."""
    return Lower(Value(code.replace("\0", "")))


def code_keys(codes: Iterable[str]) -> dict[str, str]:
    """The same for many: by the code, its key."""
    return dict(run_set("SELECT code, lower(code) FROM unnest(%(codes)s::text[]) AS code", {"codes": list(codes)}))


class CouponImport(Fact):
    """One uploaded file and how far it is. Due means that a worker shall do its next slice."""

    class State(models.TextChoices):
        CHECKING = "checking", "Checking"
        ASKING = "asking", "Has a question"  # how the file's letters are encoded
        CHECKED = "checked", "Waiting for you"
        LOADING = "loading", "Importing"
        DONE = "done", "Imported"
        REFUSED = "refused", "Refused"
        CANCELLED = "cancelled", "Cancelled"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    holds_wallets = False

    store = models.ForeignKey(Store, models.PROTECT, related_name="coupon_imports", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    pool = models.ForeignKey(CodePool, models.PROTECT, related_name="imports", db_index=False)
    state = models.CharField(max_length=10, choices=State, default=State.CHECKING)
    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    digest = models.BinaryField(max_length=32)  # SHA-256 of the file
    layout = models.JSONField(default=dict)  # encoding, delimiter, has_header, columns; see spending.coupon_csv
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)  # in the file itself
    known = models.PositiveIntegerField(default=0)  # loaded by an earlier import
    invalid = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)  # the first hundred: [line, text, why]
    refusal = models.CharField(max_length=255, blank=True, default="")  # why the file as a whole cannot be taken
    position = models.JSONField(default=dict)  # where the next slice begins
    done = models.PositiveIntegerField(default=0)  # rows of the present step that are done
    loaded = models.PositiveIntegerField(default=0)  # codes that this import added
    first_code_id = models.BigIntegerField(null=True)
    created_by = models.CharField(max_length=100, blank=True)
    step_started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    audited = ("__str__", "state")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="spending_import_public_id"),
            # A pool's imports.
            models.UniqueConstraint(fields=["store", "pool", "id"], name="spending_import_of_pool"),
        ]
        indexes = [Fact.due_index("spending_import_due")]

    def __str__(self):
        return self.file_name


class CouponImportPart(models.Model):
    """A piece of the uploaded file, kept until the import has ended: every worker can reach it."""

    store = models.ForeignKey(Store, models.PROTECT, related_name="+", db_index=False)
    coupon_import = models.ForeignKey(CouponImport, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()
    # Of the codes that the slice beginning here holds: by them later slices find what is in the file twice.
    hashes = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "coupon_import", "number"], name="spending_importpart_number")
        ]


class CouponCode(models.Model):
    """One uploaded code. Once issued it never becomes free again."""

    class State(models.TextChoices):
        FREE = "free", "Free"
        ISSUED = "issued", "Issued"
        USED = "used", "Used"
        EXPIRED = "expired", "Expired"
        VOID = "void", "Void"

    # db_constraint=False: all three come from the import's row, see coupon_slices.LOAD; check_ledger (L12) proves it.
    store = models.ForeignKey(Store, models.PROTECT, related_name="coupon_codes", db_index=False, db_constraint=False)
    pool = models.ForeignKey(CodePool, models.PROTECT, related_name="codes", db_index=False, db_constraint=False)
    coupon_import = models.ForeignKey(
        CouponImport, models.PROTECT, related_name="codes", db_index=False, db_constraint=False
    )
    code = models.CharField(max_length=CODE_LENGTH)
    # Compared without case. Stored, since row-level security keeps from an index on lower(): it is not leakproof.
    code_key = models.GeneratedField(
        expression=Lower("code"), output_field=models.CharField(max_length=CODE_LENGTH), db_persist=True
    )
    state = models.CharField(max_length=10, choices=State, default=State.FREE)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    expires_on = models.DateField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "code_key"], name="spending_code_once")]
        indexes = [
            models.Index("store", "pool", "id", name="spending_code_of_pool"),
            # The oldest free code, however many were issued before it.
            models.Index("store", "pool", "id", condition=Q(state="free"), name="spending_code_free"),
            # Which imports had codes taken, and how many codes of a pool are in which state.
            models.Index(
                "store", "pool", "coupon_import", "state", condition=~Q(state="free"), name="spending_code_taken"
            ),
            models.Index(
                "store", "expires_on", condition=Q(state="free", expires_on__isnull=False), name="spending_code_ending"
            ),
        ]

    def __str__(self):
        return self.code
