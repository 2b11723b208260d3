"""Calls as they came: kept before they are interpreted, so that none is lost and none counts twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db import connection as database
from django.db.models import Q, QuerySet
from django.utils import timezone

from loyalty.stores import broker
from loyalty.stores.sets import run_set
from loyalty.stores.tenancy import acting_for, store_list

from .models import Connection, InboundEvent

APPLY = "integrations.tasks.apply_due"
BODY_KEPT_FOR = timedelta(days=90)
ALONE = timedelta(seconds=30)  # longer than a call that asks somebody else may take
Outcome = InboundEvent.Outcome


class Rejected(Exception):
    """This call can never be applied; the message tells the merchant why."""


class NotUnderstood(Exception):
    """This kind of call is not known (yet); it is kept until it is."""


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


INSERT = """
INSERT INTO integrations_inboundevent (store_id, connection_id, event, identity, body, outcome, error, answer_status,
    answer, received_at, due_at, applied_at, attempts)
VALUES (%(store)s, %(connection)s, %(event)s, %(identity)s, %(body)s, %(outcome)s, %(error)s, NULL,
    NULL, clock_timestamp(), CASE WHEN %(outcome)s = 'waiting' THEN clock_timestamp() END,
    CASE WHEN %(outcome)s <> 'waiting' THEN clock_timestamp() END, 0)
ON CONFLICT (store_id, connection_id, event, identity) DO NOTHING RETURNING id
"""


def accept(
    connection: Connection, event: str, identity: str, body: str, *, outcome: str = Outcome.WAITING, error: str = ""
) -> bool:
    """Store a verified call, durable on return, and have a worker apply it. False: it was told before.

    One round trip. Call it outside a transaction.
    """
    row = {
        "store": connection.store_id, "connection": connection.pk, "event": event, "identity": identity,
        "body": body, "outcome": str(outcome), "error": error,
    }  # fmt: skip
    try:
        is_new = _insert_alone(row)
    except (OperationalError, InterfaceError):
        if database.in_atomic_block or not database.connection.closed:
            raise
        # The connection broke, perhaps while committing. Asked again, the unique identity tells.
        database.close()
        is_new = _insert_alone(row)
    if is_new and outcome == Outcome.WAITING:
        broker.nudge(APPLY, connection.store_id)
    return is_new


def _insert_alone(row: dict[str, Any]) -> bool:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.stores', %(stores)s, true), set_config('statement_timeout', '3s', true);" + INSERT,
            row | {"stores": store_list(row["store"])},
        )
        cursor.nextset()
        return cursor.fetchone() is not None


def accept_again(connection: Connection, event: str, identity: str, body: str, *, is_state: bool) -> None:
    """A known call was made again: what was not understood or usable then may be now.

    One that states how things are now holds again, as they may have changed in between.
    """
    open_to = [Outcome.UNKNOWN, Outcome.REJECTED, *([Outcome.APPLIED] if is_state else [])]
    with acting_for(connection.store_id):
        told = connection.inbound_events.filter(
            store_id=connection.store_id, event=event, identity=identity, outcome__in=open_to
        )
        # A call that a worker holds is being applied now, which is as good.
        for pk in told.select_for_update(skip_locked=True).values_list("pk", flat=True):
            connection.inbound_events.filter(store_id=connection.store_id, pk=pk).update(
                due_at=timezone.now(), attempts=0, outcome=Outcome.WAITING, body=body, body_digest=None
            )
        broker.nudge(APPLY, connection.store_id)


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


FORGET = """
UPDATE integrations_inboundevent SET body = '', body_digest = sha256(convert_to(body, 'UTF8'))
 WHERE store_id = %(store)s AND id IN (
       SELECT id FROM integrations_inboundevent
        WHERE store_id = %(store)s AND received_at < %(before)s AND body_digest IS NULL AND due_at IS NULL
        ORDER BY received_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def forget_bodies(store_id: int, batch: int = 1000) -> None:
    """Of calls whose time is over only the digest stays. Their identity still makes a repeat one."""
    params = {"store": store_id, "before": timezone.now() - BODY_KEPT_FOR, "most": batch}
    forgotten = batch
    while forgotten == batch:
        with acting_for(store_id):
            forgotten = len(run_set(FORGET, params))


def reconsider(events: QuerySet[InboundEvent]) -> int:
    """Apply these once more, from the dashboard: they were not understood or could not be used before."""
    return events.filter(due_at=None).update(
        due_at=timezone.now(), attempts=0, outcome=Outcome.WAITING, quarantined_at=None, error=""
    )


def _row_of(connection: Connection, event: str, identity: str, body: str, within: timedelta | None) -> InboundEvent:
    """The row of this call: of an earlier one that it repeats, or a new one. A twin that makes it now is waited for."""
    if within and (first := _recent(connection, event, identity, within)):
        return first
    made = InboundEvent(
        store_id=connection.store_id, connection=connection, event=event, body=body, due_at=None,
        identity=slots(identity, within)[0] if within else identity,
    )  # fmt: skip
    InboundEvent.objects.bulk_create([made], ignore_conflicts=True)
    return connection.inbound_events.get(store_id=connection.store_id, event=event, identity=made.identity)


def _take(row: InboundEvent) -> bool:
    """Claim the performing of a call until it should have ended long since; then it is due for a worker."""
    now = timezone.now()
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
    return told.filter(received_at__gt=timezone.now() - within).order_by("-pk").first()


def slots(identity: str, within: timedelta) -> list[str]:
    """Names for this stretch of time and the one before it: a call of the last `within` has one of them."""
    slot = int(time.time() / within.total_seconds())
    return [f"{identity}:{slot}", f"{identity}:{slot - 1}"]


def _keep_answer(row: InboundEvent, answer: Answer) -> None:
    row.answer_status, row.answer = answer.status, answer.body
    row.outcome = Outcome.REJECTED if answer.is_refusal else Outcome.APPLIED
    row.error = str(answer.body.get("message", "")) if answer.is_refusal else ""
    row.applied_at, row.due_at, row.claimed_until = timezone.now(), None, None
    row.save(update_fields=["answer_status", "answer", "outcome", "error", "applied_at", "due_at", "claimed_until"])
