"""The one door for points.

`settle` makes a source worth exactly what is asked and posts only the difference. Approve, void, partial
refund, cancel, replay and duplicate are the same call with another target, so calling it twice changes
nothing. Everything is done in sets: three statements whatever the number of settlements.
"""

from collections.abc import Iterable

from django.db import transaction

from loyalty.stores.models import Store
from loyalty.stores.sets import array, recordset, run_set

from .bookkeeping import InsufficientPoints, Kind, Posted, Purse, Settlement, draw_up, write_off_of

__all__ = ["InsufficientPoints", "Kind", "Purse", "Settlement", "lock_wallets", "settle"]


def settle(store: Store, settlements: Iterable[Settlement], purses: dict[int, Purse] | None = None) -> list[dict]:
    """Post what is missing; returns the new entries as dicts, in order. Raises InsufficientPoints.

    Only a correction of an earn may take a balance below zero; the store's policy says what follows.
    `purses` are the wallets if the caller's transaction has locked them already.
    """
    settlements = list(settlements)
    if not settlements:
        return []
    if purses is None:
        with transaction.atomic():
            return settle(store, settlements, lock_wallets(store.pk, {one.customer_id for one in settlements}))
    posted = read_posted(store, purses, settlements)
    entries = draw_up(store, purses, posted, settlements)
    if entries:
        write(store.pk, entries, purses)
    return entries


LOCK = """
SELECT customer_id, id, balance, pending, last_seq FROM customers_wallet
 WHERE store_id = %(store)s AND customer_id = ANY(%(customers)s::bigint[]) AND unit = 'points' ORDER BY id FOR UPDATE
"""


def lock_wallets(store_id: int, customer_ids: Iterable[int]) -> dict[int, Purse]:
    """Lock wallets in id order, so that two sets never wait for each other in a circle. Keyed by customer."""
    rows = run_set(LOCK, {"store": store_id, "customers": array(sorted(customer_ids))}, is_prepared=True)
    return {customer_id: Purse(*wallet) for customer_id, *wallet in rows}


POSTED = """
SELECT entry.wallet_id, entry.source, sum(entry.points), sum(entry.pending), max(entry.revision)
  FROM unnest(%(wallets)s::bigint[], %(sources)s::text[]) AS wanted (wallet_id, source)
  JOIN customers_ledgerentry AS entry ON entry.store_id = %(store)s
   AND entry.wallet_id = wanted.wallet_id AND entry.source = wanted.source
 GROUP BY entry.wallet_id, entry.source
"""


def read_posted(store: Store, purses: dict[int, Purse], settlements: list[Settlement]) -> dict[tuple, Posted]:
    wanted = [(purses[one.customer_id].id, one.source) for one in settlements if not one.is_first]
    if store.negative_balance == Store.NegativeBalance.WRITE_OFF:
        wanted += [(wallet_id, write_off_of(source)) for wallet_id, source in wanted]
    if not wanted:
        return {}
    wallets, sources = map(list, zip(*set(wanted), strict=True))
    rows = run_set(POSTED, {"store": store.pk, "wallets": wallets, "sources": sources})
    return {(wallet_id, source): Posted(*sums) for wallet_id, source, *sums in rows}


# Entries, their events (L15) and the balances in one statement, so that none can be without the others. The limit
# tells the planner that the wallets are few; it would guess a hundred and read every wallet of a small store. Where
# it is always one, one plan suits all calls and is kept.
# An event goes by its entry's public id: a random one each costs as much as the row.
WRITE = """
WITH entry AS (
    INSERT INTO customers_ledgerentry (store_id, wallet_id, customer_id, public_id, seq, kind, points, pending,
        balance_after, pending_after, source, revision, reason, actor, code, effective_at, expires_at, created_at)
    SELECT %(store)s, wallet_id, customer_id, gen_random_uuid(), seq, kind, points, pending,
        balance_after, pending_after, source, revision, reason, actor, code, effective_at, expires_at, clock_timestamp()
      FROM json_to_recordset(%(entries)s::json) AS row (wallet_id bigint, customer_id bigint, seq bigint, kind text,
        points numeric, pending numeric, balance_after numeric, pending_after numeric, source text,
        revision integer, reason text, actor text, code text, effective_at timestamptz, expires_at timestamptz)
    RETURNING id, customer_id, public_id, created_at
), event AS (
    INSERT INTO customers_event (store_id, customer_id, public_id, topic, entry_id, data, created_at)
    SELECT %(store)s, customer_id, public_id, 'points.moved', id, '{}', created_at FROM entry
)
UPDATE customers_wallet AS wallet
   SET balance = row.balance, pending = row.pending, last_seq = row.seq, earned = wallet.earned + row.earned,
       spent = wallet.spent + row.spent, expired = wallet.expired + row.expired
  FROM (SELECT * FROM json_to_recordset(%(wallets)s::json) AS told (id bigint, balance numeric, pending numeric,
       seq bigint, earned numeric, spent numeric, expired numeric) LIMIT %(count)s) AS row
 WHERE wallet.store_id = %(store)s AND wallet.id = row.id
"""
WRITE_ONE = WRITE.replace("LIMIT %(count)s", "LIMIT 1")


def write(store_id: int, entries: list[dict], purses: dict[int, Purse]) -> None:
    changed = {entry["wallet_id"] for entry in entries}
    wallets = [
        {"id": purse.id, "balance": str(purse.balance), "pending": str(purse.pending), "seq": purse.seq} | purse.totals
        for purse in purses.values()
        if purse.id in changed
    ]
    params = {"store": store_id, "entries": recordset(entries), "wallets": recordset(wallets), "count": len(wallets)}
    run_set(WRITE_ONE if len(wallets) == 1 else WRITE, params, is_prepared=True)
