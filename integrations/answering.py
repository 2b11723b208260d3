"""Calls that are answered with a result: performed once, and told again they get the first answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db.models import Q

from loyalty.stores import clock
from loyalty.stores.tenancy import acting_for

from .inbox import Outcome
from .models import Connection, InboundEvent

ALONE = timedelta(seconds=30)  # longer than a call that asks somebody else may take


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]

    @classmethod
    def of(cls, row: InboundEvent) -> "Answer":
        return cls(row.answer_status or 200, row.answer or {})

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400


@dataclass(frozen=True, slots=True)
class Kept:
    """A call that was answered: its row, what it was told, and whether that was now."""

    row: InboundEvent
    answer: Answer
    is_first: bool


def answer_once(
    connection: Connection,
    event: str,
    identity: str,
    body: str,
    perform: Callable[[InboundEvent], Answer],
    *,
    within: timedelta | None = None,
) -> Kept:
    """Perform a call and keep its answer in one transaction; told again, the first answer stands.

    A refusal is kept too: repeated, it stays refused. Whatever else `perform` raises undoes everything.
    With `within`, equal calls are the same call only when they come in that time. A twin that runs now is
    waited for.
    """
    with acting_for(connection.store_id):
        row = _row_of(connection, event, identity, body, within)
        if row.answer_status is not None:
            return Kept(row, Answer.of(row), is_first=False)
        answer = perform(row)
        _keep_answer(row, answer)
        return Kept(row, answer, is_first=True)


def answer_alone(
    connection: Connection,
    event: str,
    identity: str,
    body: str,
    perform: Callable[[InboundEvent], Answer],
    *,
    within: timedelta | None = None,
) -> Kept:
    """Like `answer_once` for a call that asks somebody else: `perform` runs in no transaction, and has its own.

    What it does must be named by the row, so that nothing is done twice when it runs again after a crash. Should
    nobody call again, a worker finds the row when its time is over.
    """
    while True:
        with acting_for(connection.store_id):
            row = _row_of(connection, event, identity, body, within)
            if row.answer_status is not None:
                return Kept(row, Answer.of(row), is_first=False)
            if _take(row):
                break
        time.sleep(0.1)  # a twin runs now
    try:
        answer = perform(row)
    except BaseException:
        with acting_for(connection.store_id):
            InboundEvent.objects.filter(store_id=row.store_id, pk=row.pk).update(claimed_until=None)
        raise
    with acting_for(connection.store_id):
        _keep_answer(row, answer)
    return Kept(row, answer, is_first=True)


def _row_of(connection: Connection, event: str, identity: str, body: str, within: timedelta | None) -> InboundEvent:
    """The row of this call: of an earlier one that it repeats, or a new one. A twin that makes it now is waited for."""
    if within and (first := _recent(connection, event, identity, within)):
        return first
    made = InboundEvent(
        store_id=connection.store_id, connection=connection, event=event, body=body, due_at=None,
        received_at=clock.now(), identity=slots(identity, within)[0] if within else identity,
    )  # fmt: skip
    InboundEvent.objects.bulk_create([made], ignore_conflicts=True)
    return connection.inbound_events.get(store_id=connection.store_id, event=event, identity=made.identity)


def _take(row: InboundEvent) -> bool:
    """Claim the performing of a call until it should have ended long since; then it is due for a worker."""
    now = clock.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    mine = InboundEvent.objects.filter(free, store_id=row.store_id, pk=row.pk, answer_status=None)
    return bool(mine.update(claimed_until=now + ALONE, due_at=now + ALONE))


def _recent(connection: Connection, event: str, identity: str, within: timedelta) -> InboundEvent | None:
    """The latest equal call of that time; twins look one after the other."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [f"{event}:{identity}", connection.pk])
    told = connection.inbound_events.filter(
        store_id=connection.store_id, event=event, identity__in=slots(identity, within)
    )
    return told.filter(received_at__gt=clock.now() - within).order_by("-pk").first()


def slots(identity: str, within: timedelta) -> list[str]:
    """Names for this stretch of time and the one before it: a call of the last `within` has one of them."""
    slot = int(clock.now().timestamp() / within.total_seconds())
    return [f"{identity}:{slot}", f"{identity}:{slot - 1}"]


def _keep_answer(row: InboundEvent, answer: Answer) -> None:
    row.answer_status, row.answer = answer.status, answer.body
    row.outcome = Outcome.REJECTED if answer.is_refusal else Outcome.APPLIED
    row.error = str(answer.body.get("message", "")) if answer.is_refusal else ""
    row.applied_at, row.due_at, row.claimed_until = clock.now(), None, None
    row.save(update_fields=["answer_status", "answer", "outcome", "error", "applied_at", "due_at", "claimed_until"])
