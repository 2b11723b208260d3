"""The ledger as JSON lines that prove themselves. What each line says is in docs/ledger-export.md."""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from django.utils import timezone

from loyalty.stores.models import Store

from . import merkle, seals
from .models import LedgerSeal

Row = dict[str, Any]


def ledger(store: Store, wallets: Collection[int] | None = None) -> Iterator[Row]:
    """Everything, or the entries of some wallets, each with the proof that the seal of its chunk holds it."""
    yield {
        "loyalty_ledger": 1, "store": str(store.public_id), "exported_at": timezone.now().isoformat(),
        "is_whole": wallets is None, "fields": seals.FIELDS,
    }  # fmt: skip
    nothing = LedgerSeal(number=0, last_entry_id=0)
    last = nothing
    for before, last in pairwise([nothing, *store.seals.order_by("number")]):
        yield {
            "seal": last.number, "last_entry": last.last_entry_id, "count": last.count,
            "root": bytes(last.root).hex(), "digest": bytes(last.digest).hex(),
        }  # fmt: skip
        yield from sealed(store, before, last, wallets)
    yield from unsealed(store, last.last_entry_id, wallets)


def sealed(store: Store, before: LedgerSeal, seal: LedgerSeal, wallets: Collection[int] | None) -> Iterator[Row]:
    rows = seals.lines(store, before.last_entry_id, seal.last_entry_id, limit=seal.count + 1)
    leaves: list[bytes] = []
    for place, (_, wallet, line) in enumerate(rows):
        if wallets is None:
            yield {"entry": line}
        elif wallet in wallets:
            leaves = leaves or [merkle.leaf(line) for _, _, line in rows]
            yield {"entry": line, "proof": merkle.proof(leaves, place)}


def unsealed(store: Store, after: int, wallets: Collection[int] | None) -> Iterator[Row]:
    while rows := seals.lines(store, after, limit=seals.CHUNK):
        yield from (
            {"entry": line, "unsealed": True} for _, wallet, line in rows if wallets is None or wallet in wallets
        )
        after = rows[-1][0]
