"""What becomes of a redemption: used, cancelled, expired, handed over."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from customers import ledger
from customers.ledger import Purse, Settlement
from customers.models import Event, Topic
from loyalty.stores import clock
from loyalty.stores.models import Store

from .models import CouponCode, Redemption

State = Redemption.State
SLICE = 500


class CannotCancel(ValueError):
    """The message says why."""


def lock(store: Store, ids: list[int]) -> list[Redemption]:
    return list(
        store.redemptions.filter(pk__in=ids).select_related("reward").order_by("pk").select_for_update(of=("self",))
    )


def spending_of(redemption: Redemption, points: Decimal, reason: str, actor: str, *, is_first=False) -> Settlement:
    return Settlement(
        redemption.customer_id, redemption.ledger_source, ledger.Kind.REDEEM, -points,
        reason=reason, actor=actor, is_first=is_first,
    )  # fmt: skip


def record(redemption: Redemption, topic: Topic, **more: object) -> None:
    Event.objects.create(
        store_id=redemption.store_id, customer_id=redemption.customer_id, topic=topic, data=about(redemption) | more
    )


def about(redemption: Redemption) -> dict[str, Any]:
    """What each event of it tells."""
    return {"redemption": str(redemption.public_id), "reward": redemption.reward.name, "points": str(redemption.points)}


@transaction.atomic
def cancel(store: Store, redemption: Redemption, *, reason: str, actor: str, is_refund: bool = False) -> bool:
    """Give the points back, once. The code is void for ever: it has been shown. False: cancelled before.

    Raises CannotCancel for a used code, unless its order was refunded.
    """
    purses = ledger.lock_wallets(store.pk, [redemption.customer_id])
    [row] = lock(store, [redemption.pk])
    if row.state == State.CANCELLED:
        return False
    if row.state == State.USED and not is_refund:
        raise CannotCancel("This code was used on an order. Refund the order, or adjust the balance with a reason.")
    give_back(store, row, purses, reason, actor)
    redemption.state = row.state
    return True


def give_back(store: Store, row: Redemption, purses: dict[int, Purse], reason: str, actor: str) -> None:
    row.state, row.cancelled_at, row.cancel_reason, row.cancelled_by = (
        State.CANCELLED, clock.now(), reason[:255], actor[:100],
    )  # fmt: skip
    row.save(update_fields=["state", "cancelled_at", "cancel_reason", "cancelled_by"])
    mark_coupons([row], CouponCode.State.VOID)
    ledger.settle(store, [spending_of(row, Decimal(0), reason, actor)], purses)
    record(row, Topic.REDEMPTION_CANCELLED)  # the row holds the reason: it may name the person, and events stay


def mark_coupons(rows: list[Redemption], state: str) -> None:
    ids = [row.coupon_id for row in rows if row.coupon_id]
    if ids:
        CouponCode.objects.filter(store_id=rows[0].store_id, pk__in=ids).update(state=state)


def mark_used(store: Store, row: Redemption, *, order: str = "", total=None, discount=None) -> bool:
    """A locked redemption's code was used, or the merchant handed the reward over. False: it cannot be any more."""
    if row.state not in (State.ISSUED, State.EXPIRED):
        return False
    row.state, row.used_at = State.USED, clock.now()
    row.order_external_id, row.order_total, row.order_discount = order, total, discount
    row.save(update_fields=["state", "used_at", "order_external_id", "order_total", "order_discount"])
    mark_coupons([row], CouponCode.State.USED)
    record(row, Topic.REDEMPTION_USED, order=order)
    return True


@transaction.atomic
def hand_over(store: Store, redemption: Redemption) -> bool:
    """The merchant says that it was used or handed over, without an order of ours. False: it was before."""
    [row] = lock(store, [redemption.pk])
    is_new = mark_used(store, row)
    redemption.state = row.state
    return is_new


def expire(store: Store) -> int:
    """Codes whose time is over; the points stay spent. A slice in its own transaction; returns how many."""
    late = store.redemptions.filter(state=State.ISSUED, expires_at__lte=clock.now())
    with transaction.atomic():
        rows = list(
            late.select_related("reward").order_by("pk").select_for_update(of=("self",), skip_locked=True)[:SLICE]
        )
        store.redemptions.filter(pk__in=[row.pk for row in rows]).update(state=State.EXPIRED)
        mark_coupons(rows, CouponCode.State.EXPIRED)
        for row in rows:
            record(row, Topic.REDEMPTION_EXPIRED)
    return len(rows)
