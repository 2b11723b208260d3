"""Points given or taken by a person, with a reason."""

from decimal import Decimal

from django.db import transaction
from uuid_utils.compat import uuid7

from loyalty.stores.models import Store

from . import ledger
from .models import Customer, LedgerEntry

LIMIT = Decimal(1_000_000_000)


class BadAdjustment(ValueError):
    """The message says which part is wrong and what to do."""


class AdjustmentConflict(BadAdjustment):
    """The identity belongs to an earlier adjustment of other points."""


@transaction.atomic
def adjust(
    store: Store, customer: Customer, points: Decimal, reason: str, *, actor: str, identity: str = "", code: str = ""
) -> LedgerEntry:
    """Add (or take, if negative) points at once. The same `identity` never counts twice.

    The store's limits on people are kept by `approvals.ask`. Raises BadAdjustment, or InsufficientPoints when taking
    more than the balance.
    """
    check(store, points, reason)
    source = f"adjust:{identity or uuid7()}"
    purses = ledger.lock_wallets(store.pk, [customer.pk])  # twin calls look one after the other
    posted = store.entries.filter(customer=customer, source=source).order_by("revision")
    if identity and (first := posted.first()):  # told again; what was undone since stays undone
        if first.points != points:
            raise AdjustmentConflict("This id was used for another adjustment.")
        return first
    given = ledger.Settlement(customer.pk, source, ledger.Kind.ADJUST, points, reason=reason, actor=actor, code=code)
    ledger.settle(store, [given], purses)
    return posted[0]


def check(store: Store, points: Decimal, reason: str) -> None:
    if not reason.strip():
        raise BadAdjustment("Give a reason: it is shown wherever the points are.")
    if not points or abs(points) > LIMIT:
        raise BadAdjustment("Give a number of points other than zero, at most 1,000,000,000.")
    if points != points.quantize(store.quantum):
        raise BadAdjustment(f"This store counts points with {store.points_decimals} decimals.")


def is_posted(store: Store, customer: Customer, identity: str) -> bool:
    return bool(identity) and store.entries.filter(customer=customer, source=f"adjust:{identity}").exists()


def undo(store: Store, entry: LedgerEntry, *, actor: str) -> LedgerEntry | None:
    """Bring an adjustment back to nothing by its opposite. None when that was done before.

    Raises BadAdjustment for any other kind of entry, InsufficientPoints when the points were spent since.
    """
    if entry.kind != ledger.Kind.ADJUST:
        raise BadAdjustment("Only adjustments can be undone. Other points follow what they were given for.")
    reason = f"Undone: {entry.reason}"[:255]
    nothing = ledger.Settlement(
        entry.customer_id, entry.source, ledger.Kind.ADJUST, reason=reason, actor=actor, code=entry.code
    )
    if not ledger.settle(store, [nothing]):
        return None
    return store.entries.filter(wallet=entry.wallet_id, source=entry.source).latest("revision")
