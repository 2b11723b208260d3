"""How many codes a pool has, and what follows when they run low or out. Done by a worker, away from the takers."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Count
from django.template.loader import render_to_string
from django.urls import reverse

from customers import attention
from customers.models import Event, Topic
from loyalty.stores import broker, clock
from loyalty.stores.mail import subject
from loyalty.stores.models import StaffMember, Store
from loyalty.stores.tenancy import acting_for

from .coupons import WATCH, is_low, usable
from .models import CodePool, CouponCode, Reward

SMALL = 10_000  # codes that are counted while a page waits
COUNTED_FOR = timedelta(seconds=20)

State = CouponCode.State


def counts_of(store: Store, pool: CodePool) -> dict[str, int]:
    """Codes by state, and "total". Of a large pool as last counted; then a worker counts anew."""
    if not store.coupon_codes.filter(pool=pool).order_by().values("pk")[SMALL : SMALL + 1]:
        return count(store, pool)
    if pool.counted_at is None or pool.counted_at < clock.now() - COUNTED_FOR:
        broker.nudge(WATCH, store.pk)
    return dict.fromkeys([*State, "total"], 0) | pool.counts


def count(store: Store, pool: CodePool) -> dict[str, int]:
    codes = store.coupon_codes.filter(pool=pool).order_by()
    # Two statements, each answered by an index of its own.
    taken = codes.exclude(state=State.FREE).values_list("state").annotate(Count("pk"))
    found = dict.fromkeys(State, 0) | dict(taken) | {str(State.FREE): codes.filter(state=State.FREE).count()}
    return {str(state): number for state, number in found.items()} | {"total": sum(found.values())}


def watch(store_id: int) -> None:
    """Count the pools anew, then look at their stock."""
    with acting_for(store_id):
        store = Store.objects.get(pk=store_id)
        for pool in store.code_pools.all():
            recount(store, pool)
    look(store)


def recount(store: Store, pool: CodePool) -> None:
    now = clock.now()
    if pool.counted_at is None or pool.counted_at < now - COUNTED_FOR:
        store.code_pools.filter(pk=pool.pk).update(counts=count(store, pool), counted_at=now)


def look(store: Store) -> None:
    """Note which pools ran low or out and which were filled again, and tell those who run the store."""
    with acting_for(store.pk):
        for pool_id in list(store.code_pools.order_by("pk").values_list("pk", flat=True)):
            note_stock(store, pool_id)
    tell_staff(store)


def note_stock(store: Store, pool_id: int) -> None:
    """A shortage is told once. A pool that never had a code is not short of any."""
    pool = store.code_pools.select_for_update(no_key=True).get(pk=pool_id)
    low = is_low(store, pool)
    if low and not pool.low_since and store.coupon_codes.filter(pool=pool).exists():
        store.code_pools.filter(pk=pool_id).update(low_since=clock.now(), low_told_at=None)
        Event.objects.create(store=store, topic=Topic.CODES_LOW, data=about(pool) | {"left_at_most": pool.low_stock_at})
    elif not low and pool.low_since:
        store.code_pools.filter(pk=pool_id).update(low_since=None)
    if low and pool.when_empty == CodePool.WhenEmpty.PAUSE and not usable(store, pool).exists():
        pause_rewards(store, pool)


def about(pool: CodePool) -> dict[str, Any]:
    return {"pool": str(pool.public_id), "pool_name": pool.name}


def pause_rewards(store: Store, pool: CodePool) -> None:
    rewards = store.rewards.filter(pool=pool, code_source=Reward.CodeSource.POOL, is_enabled=True)
    if names := list(rewards.values_list("name", flat=True)):
        rewards.update(is_enabled=False, updated_at=clock.now())
        attention.show(store, "rewards_paused", rewards=names, **about(pool))


def tell_staff(store: Store) -> None:
    """Mail owners and managers about shortages that they were not told of. Sent first, noted after: a mail server
    that does not answer is asked again at the next look."""
    with acting_for(store.pk):
        untold = list(store.code_pools.filter(low_since__isnull=False, low_told_at=None).select_related("fallback"))
    for pool in untold:
        mail_about(store, pool)
        with acting_for(store.pk):
            store.code_pools.filter(pk=pool.pk).update(low_told_at=clock.now())


def mail_about(store: Store, pool: CodePool) -> None:
    staff = store.staff.filter(role__in=(StaffMember.Role.OWNER, StaffMember.Role.MANAGER), user__is_active=True)
    addresses = list(staff.values_list("user__email", flat=True))
    url = settings.SITE_URL + reverse("spending:pool_detail", args=[store.slug, pool.public_id])
    text = render_to_string("spending/codes_low_email.txt", {"store": store, "pool": pool, "url": url})
    about_it = subject(f"{store.name}: codes of “{pool.name}” run low")
    for address in addresses:
        send_mail(about_it, text, None, [address])
