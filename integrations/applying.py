"""Apply calls that the inbox kept: each goes to the dialect it came in."""

from collections import defaultdict
from itertools import groupby
from typing import Any

from loyalty.stores import clock

from . import registry
from .inbox import NotUnderstood, Outcome
from .models import InboundEvent


def apply(store_id: int, token: Any, ids: list[int]) -> None:
    """Apply calls that this worker claimed; those it lost meanwhile are left alone."""
    due = InboundEvent.objects.filter(store_id=store_id, pk__in=ids, claim_token=token, due_at__isnull=False)
    rows = due.select_related("connection__store").order_by("pk").select_for_update(of=("self",))
    ends: dict[tuple[str, str], list[int]] = defaultdict(list)
    for dialect, group in groupby(rows, lambda row: row.connection.dialect):
        told = list(group)
        for row, refused in zip(told, registry.get(dialect).process_many(told), strict=True):
            ends[outcome_of(refused), str(refused or "")].append(row.pk)
    for (outcome, error), applied in ends.items():  # few, whatever the number of rows
        InboundEvent.objects.filter(store_id=store_id, pk__in=applied).update(
            outcome=outcome, error=error, due_at=None, claimed_until=None, applied_at=clock.now()
        )


def outcome_of(refused: Exception | None) -> str:
    if refused is None:
        return Outcome.APPLIED
    return Outcome.UNKNOWN if isinstance(refused, NotUnderstood) else Outcome.REJECTED
