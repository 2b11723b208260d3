"""What tests of the record of changes have in common: what is sent, what is there before, what was written down."""

from contextlib import contextmanager
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from loyalty.stores.models import AuditRecord
from spending.models import CouponImport

REASON = {"reason": "The parcel was late"}
SETTINGS = {
    "name": "Acme", "domain": "", "currency": "EUR", "timezone": "UTC", "points_name": "star",
    "points_name_plural": "stars", "points_decimals": "0", "points_rounding": "floor", "award_status": "paid",
    "negative_balance": "debt", "refunds_return_points": "on", "adjustment_daily_cap": "500",
}  # fmt: skip
ADJUST = {
    "direction": "give", "points": "50", "code": "goodwill", "reason": "Sorry", "identity": str(uuid4()),
    "confirmed": "1",
}  # fmt: skip


def csv() -> SimpleUploadedFile:
    return SimpleUploadedFile("more.csv", b"NEW-1\nNEW-2\n")


def off(row):
    type(row).objects.filter(pk=row.pk).update(is_enabled=False)


def asking(theirs):
    asked = {"starts_at": 0, "encoding": "cp1252", "asked": {"sample": "e9", "encodings": ["cp1252"]}}
    CouponImport.objects.filter(pk=theirs.coupon_import.pk).update(state="asking", layout=asked)


def imported(theirs):
    CouponImport.objects.filter(pk=theirs.coupon_import.pk).update(state="done", loaded=1)


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def records(store):
    return list(AuditRecord.objects.filter(store=store).order_by("pk"))
