"""Apply calls that the inbox kept: each goes to the dialect it came in."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from . import registry
from .inbox import NotUnderstood, Outcome, Rejected
from .models import InboundEvent


def apply(store_id: int, token: Any, ids: list[int]) -> None:
    """Apply calls that this worker claimed; those it lost meanwhile are left alone."""
    due = InboundEvent.objects.filter(store_id=store_id, pk__in=ids, claim_token=token, due_at__isnull=False)
    rows = list(due.select_related("connection__store").order_by("pk").select_for_update(of=("self",)))
    for row in rows:
        row.outcome, row.error = outcome_of(row)
        row.due_at, row.claimed_until, row.applied_at = None, None, timezone.now()
    InboundEvent.objects.bulk_update(rows, ["outcome", "error", "due_at", "claimed_until", "applied_at"])


def outcome_of(row: InboundEvent) -> tuple[str, str]:
    try:
        with transaction.atomic():
            registry.get(row.connection.dialect).process(row)
    except Rejected as error:
        return Outcome.REJECTED, str(error)
    except NotUnderstood as error:
        return Outcome.UNKNOWN, str(error)
    return Outcome.APPLIED, ""
