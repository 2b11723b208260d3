from datetime import timedelta

from celery import shared_task

from loyalty.stores import broker
from loyalty.stores.batches import drain
from loyalty.stores.facts import stores_due
from loyalty.stores.models import Store
from spending.models import Fulfilment
from spending.redemptions import FULFIL

from . import applying, fulfilment, inbox, registry
from .dialects import LOOK_UP
from .inbox import APPLY
from .models import InboundEvent

IDLE = timedelta(seconds=4)


@shared_task
def apply_due(store_id: int) -> None:
    broker.take_up(APPLY, store_id)
    drain(InboundEvent, store_id, applying.apply)


@shared_task
def sweep() -> None:
    """Nudge what a lost message or a dead worker left behind."""
    for store_id in stores_due(InboundEvent, IDLE):
        broker.nudge(APPLY, store_id)
    for store_id in stores_due(Fulfilment, IDLE):
        broker.nudge(FULFIL, store_id)


@shared_task
def fulfil(store_id: int) -> None:
    """The name is spending.redemptions.FULFIL. One at a time for a store, so that a slow receiver holds one worker."""
    with broker.alone(FULFIL, store_id, fulfilment.LONGEST) as is_alone:
        if is_alone:
            broker.take_up(FULFIL, store_id)
            fulfilment.deliver_due(store_id)


@shared_task
def look_up_profiles(store_id: int) -> None:
    """The name is integrations.dialects.LOOK_UP."""
    broker.take_up(LOOK_UP, store_id)
    store = Store.objects.get(pk=store_id)
    for dialect in registry.DIALECTS.values():
        dialect.look_up_profiles(store)


@shared_task
def forget_bodies() -> None:
    """Every night: what calls said is kept for its time only."""
    for store_id in Store.objects.values_list("pk", flat=True):
        inbox.forget_bodies(store_id)
