"""Orders that carry codes of ours: the code is used, and a full refund gives its points back."""

from decimal import Decimal
from typing import Any

from customers import ledger
from customers.models import Event, OrderNotice, Topic
from loyalty.stores import clock
from loyalty.stores.models import Store

from . import outcomes
from .models import Redemption, code_keys

State = Redemption.State


def apply(store_id: int, token: object, ids: list[int]) -> None:
    """Follow notices that this worker claimed; those it lost meanwhile are left alone."""
    claimed = OrderNotice.objects.filter(store_id=store_id, pk__in=ids, claim_token=token, due_at__isnull=False)
    notices = list(claimed.order_by("pk").select_for_update(of=("self",)))
    if not notices:
        return
    store = Store.objects.get(pk=store_id)
    keys = code_keys(code for notice in notices for code in codes_of(notice))
    found = store.redemptions.filter(code_key__in=set(keys.values())).values_list("pk", "customer_id")
    ledger.lock_wallets(store_id, {customer_id for _, customer_id in found})  # before the redemptions
    rows = {row.code_key: row for row in outcomes.lock(store, [pk for pk, _ in found])}
    for notice in notices:
        for code in codes_of(notice):
            if row := rows.get(keys[code]):
                follow(store, notice, row)
    OrderNotice.objects.filter(store_id=store_id, pk__in=[notice.pk for notice in notices]).update(
        due_at=None, applied_at=clock.now(), claim_token=None, claimed_until=None, attempts=0, error=""
    )


def codes_of(notice: OrderNotice) -> list[str]:
    return [str(code).strip() for code in notice.data.get("codes", []) if str(code).strip()]


def follow(store: Store, notice: OrderNotice, row: Redemption) -> None:
    """One code on one order. Told again it changes nothing."""
    order, data = notice.order_external_id, notice.data
    is_undone = data.get("is_cancelled") or data.get("is_refunded")
    if row.state == State.CANCELLED and not is_undone:
        tell_of_cancelled(store, notice, row)
    outcomes.mark_used(store, row, order=order, total=Decimal(data["total"]), discount=discount_of(notice, row))
    if is_undone and row.state == State.USED and row.order_external_id == order and store.refunds_return_points:
        if row.reward.kind != "gift_code":  # a gift card keeps its worth, whatever became of the order
            reason = f"Order {order} was {'cancelled' if data.get('is_cancelled') else 'refunded'}"
            outcomes.cancel(store, row, reason=reason, actor="order", is_refund=True)


def discount_of(notice: OrderNotice, row: Redemption) -> Decimal | None:
    """What this code took off: the order's whole discount if it is the only code, else what it is worth."""
    told: dict[str, Any] = notice.data
    if len(codes_of(notice)) == 1 and Decimal(told.get("discount") or 0):
        return Decimal(told["discount"])
    return row.value


def tell_of_cancelled(store: Store, notice: OrderNotice, row: Redemption) -> None:
    """A shop's own coupon stays live there when we cancel, and an order may be reopened after its points went back:
    a person should know, once, that the code was used all the same."""
    item = {"what": "cancelled_code_used", "code": row.code, "order": notice.order_external_id}
    if not store.events.filter(customer=row.customer_id, topic=Topic.ATTENTION, data__contains=item).exists():
        store.redemptions.filter(pk=row.pk).update(order_external_id=notice.order_external_id)
        Event.objects.create(store=store, customer_id=row.customer_id, topic=Topic.ATTENTION, data=item)
