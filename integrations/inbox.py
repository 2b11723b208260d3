"""Calls as they came: kept before they are interpreted, so that none is lost and none counts twice."""

from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db import connection as database
from django.db.models import QuerySet

from loyalty.postgresql.waiting import FACT, at_most
from loyalty.stores import broker, clock, failpoints
from loyalty.stores.sets import run_set
from loyalty.stores.tenancy import acting_for, store_list

from .models import Connection, InboundEvent

APPLY = "integrations.tasks.apply_due"
BODY_KEPT_FOR = timedelta(days=90)
Outcome = InboundEvent.Outcome


class Rejected(Exception):
    """This call can never be applied; the message tells the merchant why."""


class NotUnderstood(Exception):
    """This kind of call is not known (yet); it is kept until it is."""


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
    failpoints.reach("before-commit")
    with at_most(FACT), database.cursor() as cursor:
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
                due_at=clock.now(), attempts=0, outcome=Outcome.WAITING, body=body, body_digest=None
            )
        broker.nudge(APPLY, connection.store_id)


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
    params = {"store": store_id, "before": clock.now() - BODY_KEPT_FOR, "most": batch}
    forgotten = batch
    while forgotten == batch:
        with acting_for(store_id):
            forgotten = len(run_set(FORGET, params))


def reconsider(events: QuerySet[InboundEvent]) -> int:
    """Apply these once more, from the dashboard: they were not understood or could not be used before."""
    return events.filter(due_at=None).update(
        due_at=clock.now(), attempts=0, outcome=Outcome.WAITING, quarantined_at=None, error=""
    )
