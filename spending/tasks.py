from datetime import timedelta

from celery import shared_task

from customers.models import OrderNotice
from customers.order_notices import FOLLOW
from loyalty.stores import broker
from loyalty.stores.batches import drain
from loyalty.stores.facts import stores_due
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import coupon_imports, coupon_steps, coupon_stock, coupons, order_notices, redemptions
from .models import CouponImport

IDLE = timedelta(seconds=4)


@shared_task
def apply_due(store_id: int) -> None:
    """The name is customers.order_notices.FOLLOW."""
    broker.take_up(FOLLOW, store_id)
    drain(OrderNotice, store_id, order_notices.apply)


@shared_task
def sweep() -> None:
    """Nudge what a lost message or a dead worker left behind."""
    for store_id in stores_due(OrderNotice, IDLE):
        broker.nudge(FOLLOW, store_id)
    for store_id in stores_due(CouponImport, IDLE):
        broker.nudge(coupon_steps.IMPORT, store_id)


@shared_task
def expire() -> None:
    """What time alone changes: codes that end, and codes that a shop was asked for in vain."""
    for store in Store.objects.all():
        with acting_for(store.pk):
            redemptions.expire(store)
            coupon_imports.forget_unanswered(store)
        redemptions.finish_pending(store)
        coupons.expire(store)
        coupon_stock.look(store)


@shared_task
def import_codes(store_id: int) -> None:
    """The name is coupon_steps.IMPORT."""
    broker.take_up(coupon_steps.IMPORT, store_id)
    coupon_steps.work(store_id)


@shared_task
def watch_stock(store_id: int) -> None:
    """The name is coupons.WATCH."""
    broker.take_up(coupons.WATCH, store_id)
    coupon_stock.watch(store_id)
