from datetime import timedelta

from celery import shared_task

from loyalty.stores import broker, clock
from loyalty.stores.batches import DRAIN, drain
from loyalty.stores.facts import stores_due

from . import applying, calendar_facts, orders
from .activities import APPLY
from .models import Activity, OrderFact

IDLE = timedelta(seconds=4)


@shared_task
def apply_due(store_id: int) -> None:
    broker.take_up(APPLY, store_id)
    drain(OrderFact, store_id, orders.apply, DRAIN / 2)
    drain(Activity, store_id, applying.apply, DRAIN / 2)


@shared_task
def sweep() -> None:
    """Nudge what a lost message, a dead worker or a due date left behind."""
    for store_id in dict.fromkeys(stores_due(OrderFact, IDLE) + stores_due(Activity, IDLE)):
        broker.nudge(APPLY, store_id)


@shared_task
def record_calendar_facts() -> None:
    calendar_facts.record_all(clock.now())
