"""The stock of codes: taking the oldest free one, running low, running out."""

from collections.abc import Iterator
from datetime import date

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from customers.models import Event, Topic
from loyalty.stores import broker
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .models import CodePool, CouponCode, Reward

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


def watch_stock(store_id: int) -> None:
    """Note which pools ran low or out and which were filled again. A shortage is told once."""
    with acting_for(store_id):
        store = Store.objects.get(pk=store_id)
        for pool in store.code_pools.select_for_update(no_key=True).order_by("id"):
            note_stock(store, pool)


def note_stock(store: Store, pool: CodePool) -> None:
    low = is_low(store, pool)
    if low and not pool.low_since:
        pool.low_since, pool.low_told_at = timezone.now(), None
        Event.objects.create(store=store, topic=Topic.CODES_LOW, data=about(pool) | {"left_at_most": pool.low_stock_at})
    elif not low and pool.low_since:
        pool.low_since = None
    pool.save(update_fields=["low_since", "low_told_at"])
    if low and pool.when_empty == CodePool.WhenEmpty.PAUSE and not usable(store, pool).exists():
        pause_rewards(store, pool)


def about(pool: CodePool) -> dict[str, str]:
    return {"pool": str(pool.public_id), "pool_name": pool.name}


def pause_rewards(store: Store, pool: CodePool) -> None:
    rewards = store.rewards.filter(pool=pool, code_source=Reward.CodeSource.POOL, is_enabled=True)
    if names := list(rewards.values_list("name", flat=True)):
        rewards.update(is_enabled=False, updated_at=timezone.now())
        Event.objects.create(
            store=store, topic=Topic.ATTENTION,
            data=about(pool) | {"what": "rewards_paused", "rewards": names, "why": "Its pool has no code left."},
        )  # fmt: skip


def expire(store: Store) -> int:
    """Mark free codes whose last day is over, a slice at a time. Returns how many."""
    done = EXPIRE_SLICE
    total = 0
    while done == EXPIRE_SLICE:
        with transaction.atomic():
            late = store.coupon_codes.filter(state=CouponCode.State.FREE, expires_on__lt=today(store))
            ids = late.select_for_update(skip_locked=True).values("id")[:EXPIRE_SLICE]
            done = store.coupon_codes.filter(id__in=list(ids.values_list("id", flat=True))).update(
                state=CouponCode.State.EXPIRED
            )
        total += done
    return total
