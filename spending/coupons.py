"""Taking the oldest free code of a pool."""

from collections.abc import Iterator
from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from loyalty.stores import broker
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .models import CodePool, CouponCode

WATCH = "spending.tasks.watch_stock"
EXPIRE_SLICE = 20_000


class OutOfCodes(Exception):
    """No free code is left in the pool nor in those it falls back to."""


def take(store: Store, pool: CodePool) -> CouponCode:
    """Issue the oldest free code that has not expired. The caller's transaction holds it until it commits.

    Locks one code and nothing else, so takers do not wait for each other until the last codes.
    """
    for source in chain(pool):
        code = oldest_free(store, source, skip_locked=True) or oldest_free(store, source, skip_locked=False)
        if code:
            code.state = CouponCode.State.ISSUED
            code.save(update_fields=["state"])
            if source.low_since or is_low(store, source):
                broker.nudge(WATCH, store.pk)
            return code
    raise OutOfCodes(f"“{pool}” has no code left.")


def oldest_free(store: Store, pool: CodePool, *, skip_locked: bool) -> CouponCode | None:
    """Without `skip_locked` it waits for what others hold: a code that was skipped may come back.

    A SELECT of its own: the sub-select of an UPDATE may run twice and issue a code twice.
    """
    return usable(store, pool).select_for_update(skip_locked=skip_locked).first()


def usable(store: Store, pool: CodePool) -> QuerySet[CouponCode]:
    """Free codes that have not expired, oldest first.

    Asks for a range of pools of which there is one: with `pool = x ORDER BY id` PostgreSQL may walk the primary
    key instead, past millions of issued codes.
    """
    codes = store.coupon_codes.filter(pool__id__range=(pool.pk, pool.pk), state=CouponCode.State.FREE)
    return codes.filter(Q(expires_on=None) | Q(expires_on__gte=today(store))).order_by("pool_id", "id")


def has_free(store: Store, pool: CodePool) -> bool:
    """Whether taking a code would find one, in the pool or where it falls back to."""
    return any(usable(store, source).exists() for source in chain(pool))


def today(store: Store) -> date:
    return store.local(timezone.now()).date()


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
