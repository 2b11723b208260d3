"""The statement as the panel shows it: what moved, and why."""

import re
from typing import Any

from customers.models import Customer, LedgerEntry
from earning import explaining
from loyalty.stores.models import Store
from loyalty.stores.numbers import points, signed

from .presenting import day

PAGE = 20
ACTIVITY = re.compile(r"activity:(\d+)")


def history(store: Store, customer: Customer, before: int | None) -> dict[str, Any]:
    """A page of the statement, newest first, each line with its reason."""
    wallet = store.wallets.get(customer=customer, unit="points")
    entries = wallet.entries.filter(store=store).order_by("-seq")
    if before is not None:
        entries = entries.filter(seq__lt=before)
    page = list(entries[: PAGE + 1])
    whys = decisions_behind(store, page[:PAGE])
    return {
        "lines": [line(entry, store, whys.get(entry.source)) for entry in page[:PAGE]],
        "before": page[PAGE - 1].seq if len(page) > PAGE else None,
    }


def decisions_behind(store: Store, entries: list[LedgerEntry]) -> dict[str, Any]:
    ids = [int(found[1]) for entry in entries if (found := ACTIVITY.fullmatch(entry.source))]
    rows = store.activities.filter(pk__in=ids).values_list("pk", "decision")
    return {f"activity:{pk}": decision for pk, decision in rows}


def line(entry: LedgerEntry, store: Store, decision: Any) -> dict[str, Any]:
    is_waiting = entry.points == 0
    is_first = entry.revision == 1 and entry.kind == LedgerEntry.Kind.EARN
    return {
        "what": entry.reason or entry.get_kind_display(),
        "why": sum_of(decision, store) if is_first else "",
        "points": signed(entry.pending if is_waiting else entry.points, store),
        "is_waiting": is_waiting,
        "is_plus": (entry.pending if is_waiting else entry.points) > 0,
        "on": day(entry.effective_at if entry.revision == 1 else entry.created_at, store),
        "after": points(entry.balance_after, store),
    }


def sum_of(decision: Any, store: Store) -> str:
    """How the points came about, where there is more to it than their number."""
    steps = (decision or {}).get("sum") or {}
    return explaining.headline(decision, store) if steps.get("kind") == "per_unit" or "capped" in steps else ""
