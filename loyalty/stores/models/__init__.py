"""The tenant: who runs a programme, and the keys that speak for it."""

from loyalty.stores.records import AccountRecord, AuditRecord

from .keys import ApiKey, IdempotencyRecord, StoreKey
from .people import StaffMember, User
from .store import RESERVED_SLUGS, ROUNDINGS, Store, validate_slug, validate_timezone

__all__ = [
    "RESERVED_SLUGS", "ROUNDINGS", "AccountRecord", "ApiKey", "AuditRecord", "IdempotencyRecord", "StaffMember",
    "Store", "StoreKey", "User", "validate_slug", "validate_timezone",
]  # fmt: skip
