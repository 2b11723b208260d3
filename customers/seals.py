"""Tamper evidence, made off the hot path: entries are sealed in chunks, each seal names the one before it.

Whoever keeps the newest seal's digest can later tell whether any entry before it was changed, added or removed,
also by somebody who may do everything in the database. A line holds no personal data.
"""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise

from django.db import connection

from loyalty.stores.models import Store
from loyalty.stores.sets import run_set
from loyalty.stores.tenancy import acting_for

from . import merkle
from .models import LedgerSeal

CHUNK = 10_000
SLACK = timedelta(seconds=60)
NOTHING = bytes(32)

# An entry as it is hashed and exported: a JSON array in PostgreSQL's own spelling, every value as text.
TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
LINE = f"""json_build_array(id::text, wallet_id::text, seq::text, kind, trim_scale(points)::text,
    trim_scale(pending)::text, trim_scale(balance_after)::text, trim_scale(pending_after)::text, source,
    revision::text, {TIME.format("effective_at")}, {TIME.format("created_at")}, {TIME.format("expires_at")})::text"""
FIELDS = (
    "id", "wallet", "seq", "kind", "points", "pending", "balance_after", "pending_after", "source", "revision",
    "effective_at", "created_at", "expires_at",
)  # fmt: skip

LINES = f"""
SELECT id, wallet_id, {LINE} FROM customers_ledgerentry
 WHERE store_id = %(store)s AND id > %(after)s AND (%(until)s::bigint IS NULL OR id <= %(until)s::bigint)
 ORDER BY id LIMIT %(limit)s
"""  # noqa: S608

# Ids are given in order, so what comes before an entry that is older than every open transaction is complete.
SETTLED = """
SELECT max(id) FROM customers_ledgerentry
 WHERE store_id = %(store)s AND id > %(after)s AND created_at < %(slack)s + (
    SELECT COALESCE(min(xact_start), clock_timestamp()) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid())
"""


def lines(store: Store, after: int, until: int | None = None, *, limit: int) -> list[tuple[int, int, str]]:
    """(id, wallet, line) of entries after one and up to another, in order."""
    return run_set(LINES, {"store": store.pk, "after": after, "until": until, "limit": limit})


def seal(store: Store) -> int:
    """Seal every entry that is settled, a chunk in each transaction; returns how many seals were made."""
    made = 0
    while True:
        with acting_for(store.pk):
            if not seal_chunk(store):
                return made
        made += 1


def seal_chunk(store: Store) -> LedgerSeal | None:
    with connection.cursor() as cursor:  # one sealer at a time
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('seal', %s))", [store.pk])
    before = store.seals.order_by("-number").first()
    after = before.last_entry_id if before else 0
    [(until,)] = run_set(SETTLED, {"store": store.pk, "after": after, "slack": -SLACK})
    rows = lines(store, after, until, limit=CHUNK) if until else []
    if not rows:
        return None
    root = merkle.root([merkle.leaf(line) for _, _, line in rows])
    new = LedgerSeal(
        store=store, number=before.number + 1 if before else 1, last_entry_id=rows[-1][0], count=len(rows), root=root
    )
    new.digest = digest_of(store, new, bytes(before.digest) if before else NOTHING)
    new.save()
    return new


def digest_of(store: Store, seal: LedgerSeal, previous: bytes) -> bytes:
    """Of the seal before it and of all that this one says."""
    text = (
        f"{previous.hex()} {store.public_id} {seal.number} {seal.last_entry_id} {seal.count} {bytes(seal.root).hex()}"
    )
    return sha256(text.encode()).digest()


def broken(store: Store) -> Iterator[str]:
    """Seals that do not follow from the one before, or whose entries are not what was sealed."""
    nothing = LedgerSeal(store=store, number=0, last_entry_id=0, digest=NOTHING)
    for before, seal in pairwise([nothing, *store.seals.order_by("number")]):
        if seal.number != before.number + 1 or bytes(seal.digest) != digest_of(store, seal, bytes(before.digest)):
            yield f"seal {seal.number} does not follow from the one before it"
        rows = lines(store, before.last_entry_id, seal.last_entry_id, limit=max(seal.count, CHUNK) + 1)
        if len(rows) != seal.count:
            yield f"seal {seal.number} was made of {seal.count} entries, now there are {len(rows)}"
        elif merkle.root([merkle.leaf(line) for _, _, line in rows]) != bytes(seal.root):
            yield f"seal {seal.number}: an entry up to {seal.last_entry_id} was changed since"
