"""Taking the oldest free code of a pool."""

import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet

from loyalty.stores import broker, clock
from loyalty.stores.models import Store
from loyalty.stores.sets import run_set
from loyalty.stores.tenancy import acting_for

from .models import CodePool, CouponCode

WATCH = "spending.tasks.watch_stock"
EXPIRE_SLICE = 20_000
PATIENCE, PAUSE = 5.0, 0.02  # seconds: for codes that others hold, and between two looks


class Issued(NamedTuple):
    """A code that was just taken."""

    pk: int
    code: str
    value: Decimal | None
    expires_on: date | None


class OutOfCodes(Exception):
    """No free code is left in the pool nor in those it falls back to."""


def take(store: Store, pool: CodePool) -> Issued:
    """Issue the oldest free code that has not expired. The caller's transaction holds it until it commits.

    Takers never wait for each other: each skips what another holds.
    """
    for source in chain(pool):
        if code := oldest_free(store, source):
            return code
    raise OutOfCodes(f"“{pool}” has no code left.")


# MATERIALIZED: as a plain sub-select it may run again for each row that is joined, and issue a code twice.
# Of a range of pools there is one: with `pool = x ORDER BY id` PostgreSQL may walk the primary key instead, past
# millions of issued codes. `left` counts no further than says whether the pool is low.
FREE = """
  FROM spending_couponcode WHERE store_id = %(store)s AND pool_id BETWEEN %(pool)s AND %(pool)s AND state = 'free'
   AND (expires_on IS NULL OR expires_on >= %(today)s) ORDER BY pool_id, id
"""
TAKE = f"""
WITH oldest AS MATERIALIZED (SELECT id {FREE} LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE spending_couponcode AS code SET state = 'issued' FROM oldest
 WHERE code.store_id = %(store)s AND code.id = oldest.id
RETURNING code.id, code.code, code.value, code.expires_on,
          (SELECT count(*) FROM (SELECT {FREE} LIMIT %(enough)s) AS free)
"""  # noqa: S608


def oldest_free(store: Store, pool: CodePool) -> Issued | None:
    """Issue it. One that another holds may come back, so the pool is not empty before that one is taken.

    It looks again instead of waiting for a lock: whoever waits also holds the codes that it found taken meanwhile,
    and two of those would wait for each other.
    """
    until = time.monotonic() + PATIENCE
    while not (found := issue(store, pool)) and usable(store, pool).exists() and time.monotonic() < until:
        time.sleep(PAUSE)
    return found


def issue(store: Store, pool: CodePool) -> Issued | None:
    """The oldest that nobody holds. Has the stock looked at when few are left."""
    asked = {"store": store.pk, "pool": pool.pk, "today": today(store), "enough": pool.low_stock_at + 2}
    for pk, code, value, expires_on, left in run_set(TAKE, asked, is_prepared=True):  # one or none
        if pool.low_since or left <= pool.low_stock_at + 1:  # with this one
            broker.nudge(WATCH, store.pk)
        return Issued(pk, code, value, expires_on)
    return None


def usable(store: Store, pool: CodePool) -> QuerySet[CouponCode]:
    """Free codes that have not expired, oldest first.

    Asks for a range of pools of which there is one: with `pool = x ORDER BY id` PostgreSQL may walk the primary
    key instead, past millions of issued codes.
    """
    codes = store.coupon_codes.filter(pool__id__range=(pool.pk, pool.pk), state=CouponCode.State.FREE)
    return codes.filter(Q(expires_on=None) | Q(expires_on__gte=today(store))).order_by("pool_id", "id")


STOCKED = """
SELECT pool.id, CASE WHEN pool.when_empty = 'fallback' THEN pool.fallback_id END,
       EXISTS (SELECT FROM spending_couponcode AS code
                WHERE code.store_id = %(store)s AND code.pool_id = pool.id AND code.state = 'free'
                  AND (code.expires_on IS NULL OR code.expires_on >= %(today)s))
  FROM spending_codepool AS pool WHERE pool.store_id = %(store)s
"""


def stocked(store: Store) -> set[int]:
    """The pools in which taking a code would find one, or in one that they fall back to."""
    rows = run_set(STOCKED, {"store": store.pk, "today": today(store)})
    fallback = {pk: other for pk, other, _ in rows}
    found = {pk for pk, _, has_free in rows if has_free}
    for pk in fallback:
        seen, source = {pk}, pk
        while source not in found and fallback.get(source) and fallback[source] not in seen:
            source = fallback[source]
            seen.add(source)
        if source in found:
            found.add(pk)
    return found


def today(store: Store) -> date:
    return store.local(clock.now()).date()


def chain(pool: CodePool) -> Iterator[CodePool]:
    """The pool and those it falls back to, each once."""
    seen: set[int] = set()
    source: CodePool | None = pool
    while source is not None and source.pk not in seen:
        seen.add(source.pk)
        yield source
        source = source.fallback if source.when_empty == CodePool.WhenEmpty.FALLBACK else None


def is_low(store: Store, pool: CodePool) -> bool:
    """Whether as many codes are left as the pool warns at, or fewer. Looks at no more codes than that."""
    return not usable(store, pool).values("pk")[pool.low_stock_at : pool.low_stock_at + 1]


def expire(store: Store) -> int:
    """Mark free codes whose last day is over, a slice in each transaction. Returns how many."""
    total = 0
    while done := expire_slice(store):
        total += done
    return total


def expire_slice(store: Store) -> int:
    with acting_for(store.pk):
        late = store.coupon_codes.filter(state=CouponCode.State.FREE, expires_on__lt=today(store))
        ids = late.select_for_update(skip_locked=True).values_list("id", flat=True)[:EXPIRE_SLICE]
        return store.coupon_codes.filter(id__in=list(ids)).update(state=CouponCode.State.EXPIRED)
