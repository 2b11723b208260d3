"""A verified call, from its first look to its answer."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from customers import attention
from earning.orders import OrderFactConflict
from integrations import answering, inbox
from integrations.answering import Answer
from integrations.inbox import Outcome
from integrations.models import Connection, InboundEvent
from loyalty.stores import rate_limits
from loyalty.stores.bounded_json import BadJSON, check_characters
from loyalty.stores.retrying import TWINS, retried
from loyalty.stores.tenancy import acting_for

from . import events, refunds, signature
from .calls import CALLS, Call, CallKind
from .events import EVENTS, EventKind
from .fields import Fields
from .refusals import Refused
from .settings import LootlySettings
from .signature import SignedBody

logger = logging.getLogger(__name__)

ACCEPTED = Answer(200, {"data": {"status": "accepted"}})
NOT_FOUND = Answer(201, {"error": "endpoint_not_found"})
TOO_MANY = Answer(429, {"error": "too_many_requests", "message": "Make at most 20 calls a second."})
CALLS_PER_SECOND = 20  # events have no limit: their senders do not send again
SAME_CALL = timedelta(minutes=10)  # for calls that bring neither an id nor a time
MOST_REFUNDS = 10  # of one order with the same words


@dataclass(frozen=True, slots=True)
class Received:
    connection: Connection
    signed: SignedBody
    event: str
    body: str

    def keep(self, identity: str, outcome: str = Outcome.WAITING, error: str = "") -> bool:
        return inbox.accept(self.connection, self.event, identity, self.body, outcome=outcome, error=error)


def answer(received: Received) -> Answer:
    """Keep or perform a call. What is refused is kept too, with its reason."""
    call = CALLS.get(received.event)
    if call is None and received.event not in EVENTS:
        # Its sender takes 201 for success, so the call must be there when it is understood one day.
        received.keep(received.signed.identity, Outcome.UNKNOWN, "There is no such event.")
        return NOT_FOUND
    try:
        check(received.signed.values)
        if call:
            return take_call(received, call)
        return take_event(received, EVENTS[received.event])
    except Refused as refused:
        received.keep(received.signed.identity, Outcome.REJECTED, refused.message)
        return refused.answer


def check(values: dict[str, Any]) -> None:
    try:
        check_characters(values)
    except BadJSON as error:
        raise Refused(400, "invalid_value", error.message) from error


# --- Events: kept now, applied by a worker ------------------------------------------------------


def take_event(received: Received, kind: EventKind) -> Answer:
    connection, signed = received.connection, received.signed
    content = kind.read(signed.values, LootlySettings.of(connection))
    if received.event == events.REFUND and refunds.has_ids(content):
        return record_refund(received, kind, content)
    if not received.keep(signed.identity):
        inbox.accept_again(connection, received.event, signed.identity, received.body, is_state=kind.is_state)
        if received.event == events.REFUND and not signed.message_id:
            keep_second(received)
    return ACCEPTED


def keep_second(received: Received) -> None:
    """An equal refund may be a second one; the worker shows it to a person."""
    for number in range(2, MOST_REFUNDS + 1):
        if received.keep(refunds.second(received.signed.identity, number)):
            return


def record_refund(received: Received, kind: EventKind, content: Any) -> Answer:
    """A refund with an id is recorded at once: the same id with another amount must be refused here and now."""
    connection, signed = received.connection, received.signed

    def perform(kept: InboundEvent) -> dict[str, Any]:
        try:
            events.perform(kind, connection, content, signed.identity)
        except OrderFactConflict as error:
            raise Refused(409, "id_conflict", str(error), "id") from error
        return ACCEPTED.body["data"]

    return performed_once(received, received.event, signed.identity, perform)


# --- Calls: performed now -----------------------------------------------------------------------


def take_call(received: Received, kind: CallKind) -> Answer:
    connection, signed = received.connection, received.signed
    taken = rate_limits.take(f"connection:{connection.pk}", CALLS_PER_SECOND)
    if taken and not taken.is_allowed:
        return TOO_MANY
    store, fields = connection.store, Fields(signed.values)
    if not kind.writes:
        with acting_for(store.pk):
            return Answer(200, {"data": kind.perform(Call(store, fields))})

    def perform(kept: InboundEvent) -> Any:
        return kind.perform(Call(store, fields, kept))

    if call_id := fields.identifier("call_id", 191):
        return performed_once(received, kind.name, f"id:{call_id}", perform, is_alone=kind.is_alone)
    within = None if signed.values.get("t") else SAME_CALL
    return performed_once(received, kind.name, signed.identity, perform, within, is_alone=kind.is_alone)


def performed_once(
    received: Received,
    name: str,
    identity: str,
    perform: Callable[[InboundEvent], Any],
    within: timedelta | None = None,
    *,
    is_alone: bool = False,
) -> Answer:
    def guarded(kept: InboundEvent) -> Answer:
        try:
            with nullcontext() if is_alone else transaction.atomic():
                return Answer(200, {"data": perform(kept)})
        except Refused as refused:
            return refused.answer

    keep = answering.answer_alone if is_alone else answering.answer_once
    once = partial(keep, received.connection, name, identity, received.body, guarded, within=within)
    kept = retried(once, TWINS)
    if not kept.is_first:
        # A body that is kept no more cannot be compared: the first answer stands.
        first = kept.row.body and signature.read(kept.row.body.encode(), with_mac=False)
        if first and first.digest("t") != received.signed.digest("t"):
            raise Refused(409, "id_conflict", "This id was used for another call.", "transaction_id")
        if within and not kept.answer.is_refusal:
            show_repeat(kept.row)
    return kept.answer


def show_repeat(row: InboundEvent) -> None:
    with acting_for(row.store_id):
        attention.show(row.store, "possible_second_call", call=row.pk, event=row.event)
