"""What calls and custom events hold of a person, and forgetting it."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from customers.erasure import Traces
from customers.models import Customer
from loyalty.stores.models import Store

from .models import CustomEvent, InboundEvent

ERASED = "The person it is about was erased."


def known(customer: Customer) -> dict[str, Any]:
    store, traces = customer.store, Traces.of(customer)
    return {
        "custom_events": [
            {"type": row.schema.event_type, "id": row.external_id, "customer_data": row.customer_data,
             "body": json.loads(json.dumps(row.body, default=str)), "occurred_at": row.occurred_at}
            for row in events_of(store, customer, traces)
        ],
        "calls": [
            {"event": row.event, "received_at": row.received_at, "body": row.body, "outcome": row.outcome,
             "answer": row.answer}
            for row in calls_of(store, traces)
        ],
    }  # fmt: skip


def erase(customer: Customer, traces: Traces) -> None:
    store = customer.store
    for call in calls_of(store, traces):
        forget(call)
    for event in events_of(store, customer, traces):
        CustomEvent.objects.filter(store=store, pk=event.pk).update(customer_data={}, body={})


def forget(row: InboundEvent) -> None:
    """Only the digest stays. A call that waits is never applied: it would make the person anew."""
    rows = InboundEvent.objects.filter(store=row.store_id, pk=row.pk)
    if row.body_digest is None:
        rows.update(body="", body_digest=hashlib.sha256(row.body.encode()).digest())
    rows.update(answer=None if row.answer is None else {}, error="")
    rows.filter(Q(due_at__isnull=False) | Q(quarantined_at__isnull=False)).update(
        outcome=InboundEvent.Outcome.REJECTED, error=ERASED, due_at=None, quarantined_at=None, claimed_until=None,
        applied_at=timezone.now(),
    )  # fmt: skip


def calls_of(store: Store, traces: Traces) -> Iterator[InboundEvent]:
    """Reads the bodies of 90 days, which takes seconds in a large store: nothing else says whom a call names."""
    rows = store.inbound_events.annotate(answered=Cast("answer", TextField()))
    found = rows.filter(traces.may_be_in("body") | traces.may_be_in("answered") | traces.may_be_in("error"))
    for row in found.order_by("pk").select_for_update(of=("self",)).iterator(500):
        told = read(row.body)
        if told is None or traces.are_in([told, row.answer or {}], row.event) or traces.are_written_in(row.error):
            yield row


def read(body: str) -> Any:
    """A call's values, whichever way it was written; None for what cannot be read."""
    try:
        return json.loads(body) if body else {}
    except ValueError:
        return dict(parse_qsl(body)) or None


def events_of(store: Store, customer: Customer, traces: Traces) -> Iterator[CustomEvent]:
    """Theirs, and those of a person nobody knew by the same names."""
    rows = store.custom_events.annotate(who=Cast("customer_data", TextField())).select_related("schema")
    for row in rows.filter(Q(customer=customer) | Q(customer=None) & traces.may_be_in("who")).order_by("pk"):
        if row.customer_id == customer.pk or traces.are_in(row.customer_data, "customer"):
            yield row
