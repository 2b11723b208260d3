"""Beat's stand-in and the last resort: what lies due is found though beat is dead, and done though the broker is,
or though every worker is deaf.

`manage.py sweep` runs beside beat. As many may run as there are machines; one at a time looks.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction

import earning.tasks
import integrations.tasks
import spending.tasks
from customers.models import OrderNotice
from earning.models import Activity, OrderFact
from integrations.models import InboundEvent
from loyalty.stores import broker
from loyalty.stores.facts import Fact, stores_due
from spending.models import CouponImport, Fulfilment

logger = logging.getLogger(__name__)

LOCK = 7_763_702_224  # any number that no other advisory lock has
AWAY = 10.0  # seconds that the broker is given to come back
LATE = timedelta(seconds=15)  # then workers were told more than once, and none came
TURN = 60.0  # seconds of work, then it looks again: a slow receiver of one store must not keep all others waiting
CROWDED = 1_000  # messages in the queue: the workers have enough to do
PROBE = "sweeper"

NUDGE: list[Callable[[], None]] = [integrations.tasks.sweep, earning.tasks.sweep, spending.tasks.sweep]
# What a worker would do, in the order in which one makes work for the next.
WORK: list[tuple[type[Fact], Callable[[int], None]]] = [
    (InboundEvent, integrations.tasks.apply_due),
    (OrderFact, earning.tasks.apply_due),
    (Activity, earning.tasks.apply_due),
    (OrderNotice, spending.tasks.apply_due),
    (Fulfilment, integrations.tasks.fulfil),
    (CouponImport, spending.tasks.import_codes),
]


class Sweeper:
    def __init__(self) -> None:
        self.away_since: float | None = None

    def look(self) -> None:
        """Once. While the broker is away no worker hears a nudge, so after some seconds the work is done here; and so
        is what workers leave lying though they were told."""
        if self.is_queue_taking():
            self.away_since = None
            nudge()
            work(LATE)
            return
        self.away_since = self.away_since or time.monotonic()
        if time.monotonic() - self.away_since >= AWAY:
            work(timedelta(0))

    def is_queue_taking(self) -> bool:
        """A full broker still answers, so something is written to it."""
        try:
            broker.client.set(PROBE, 1, ex=60)
        except broker.UNREACHABLE:
            return False
        return True


def nudge() -> None:
    with alone() as is_ours:
        if is_ours and broker.queue_length() < CROWDED:
            for sweep in NUDGE:
                sweep()


def work(idle: timedelta) -> None:
    """Apply what lies untouched for longer than `idle`. Two who do this at once share it: each claims what it takes.

    A fact that is tried again and again is not late: somebody tries, and it may kill whoever does.
    """
    until = time.monotonic() + TURN
    for model, apply_due in WORK:
        for store_id in stores_due(model, idle, untouched=idle):
            logger.warning("No worker took what is due in store %s (%s): doing it here.", store_id, model.__name__)
            apply_due(store_id)
            if time.monotonic() > until:
                return


@contextmanager
def alone() -> Iterator[bool]:
    """Whether no other looks at this moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        yield cursor.fetchone()[0]
