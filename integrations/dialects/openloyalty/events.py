"""Custom events: declared once, then told; of a known member they are activities, which rules may pay."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404

from customers.identities import BadIdentity, Identity
from customers.models import Customer
from earning import activities
from earning.activities import ActivityConflict, NewActivity
from integrations import exact_json
from integrations.models import Connection, CustomEvent, EventSchema
from loyalty.stores.models import Store

from . import members, moments
from .errors import Invalid, Problem, invalid
from .shapes import TEXT, read_number, read_uuid

# --- Schemas ----------------------------------------------------------------------------------


def get_schema(store: Store, event_type: str) -> EventSchema:
    found = None if "\x00" in event_type else store.event_schemas.filter(event_type=event_type).first()
    if found is None:
        raise Http404
    return found


def declare(store: Store, told: dict[str, Any]) -> EventSchema:
    """A new schema. No rule comes with it: what an event is worth is the merchant's to say."""
    try:
        with transaction.atomic():
            return EventSchema.objects.create(store=store, event_type=told["eventType"], **described(told))
    except IntegrityError as error:
        raise invalid("eventType", "duplicate", eventType=told["eventType"]) from error


def redeclare(schema: EventSchema, told: dict[str, Any]) -> None:
    EventSchema.objects.filter(store_id=schema.store_id, pk=schema.pk).update(**described(told))


def switch(schema: EventSchema, is_active: bool) -> None:
    EventSchema.objects.filter(store_id=schema.store_id, pk=schema.pk).update(is_active=is_active)


def described(told: dict[str, Any]) -> dict[str, Any]:
    found = {"name": told["name"], "fields": told["schema"].get("fields", [])}
    if told.get("active"):
        found["is_active"] = told["active"]["isActive"]
    return found


# --- Bodies -----------------------------------------------------------------------------------


def text(value: Any, store: Store) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("not a text")
    found = value if isinstance(value, str) else exact_json.plain(Decimal(value))
    if len(found) > TEXT:
        raise ValueError("too long")
    return found


def number(value: Any, store: Store) -> Decimal:
    found = read_number(value)
    if found is None:
        raise ValueError("not a number")
    return found


def moment(value: Any, store: Store) -> str:
    moments.parse(text(value, store), store.tz)
    return value


def instance_of(kind: type) -> Callable[[Any, Store], Any]:
    def checked(value: Any, store: Store) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"not a {kind.__name__}")
        return value

    return checked


CHECKS: dict[str, Callable[[Any, Store], Any]] = {
    "text": text,
    "number": number,
    "datetime": moment,
    "boolean": instance_of(bool),
    "object": instance_of(dict),
    "collection": instance_of(list),
}


def checked_body(schema: EventSchema, body: dict[str, Any], store: Store) -> dict[str, Any]:
    declared = {field["name"]: field["type"] for field in schema.fields}
    found, problems = {}, []
    for name, value in body.items():
        if name not in declared:
            problems.append(Problem(f"body.{name}", "extra_field"))
            continue
        try:
            found[name] = None if value is None else CHECKS[declared[name]](value, store)
        except ValueError:
            problems.append(Problem(f"body.{name}"))
    if problems:
        raise Invalid(*problems)
    return found


# --- Events -----------------------------------------------------------------------------------


def get(store: Store, name: str) -> CustomEvent:
    event_id = read_uuid(name)
    found = event_id and of(store).filter(public_id=event_id).first()
    if not found:
        raise Http404
    return found


def of(store: Store) -> Any:
    return store.custom_events.select_related("schema", "customer")


def record(store: Store, connection: Connection, told: dict[str, Any]) -> CustomEvent:
    """Keep one event. Of an unknown person it has no effects, and is not matched later."""
    schema = store.event_schemas.filter(event_type=told["type"], is_active=True).first()
    if schema is None:
        raise invalid("type", "unknown")
    customer_data = {name: value for name, value in (told.get("customerData") or {}).items() if value}
    customer = members.match(store, connection, customer_data)
    event = CustomEvent(
        store=store, schema=schema, customer=customer, external_id=told.get("eventId") or None,
        customer_data=customer_data, body=checked_body(schema, told.get("body") or {}, store),
        occurred_at=told["eventDate"],
    )  # fmt: skip
    try:
        with transaction.atomic():
            event.save()
    except IntegrityError as error:
        first = store.custom_events.get(external_id=event.external_id)
        raise invalid("eventId", "duplicate", customEventId=str(first.public_id)) from error
    if customer:
        record_activity(event, customer)
    return event


def record_activity(event: CustomEvent, customer: Customer) -> None:
    """What the rules see. Without an id of the caller's, ours names it: each call is an event of its own."""
    try:
        new = NewActivity(
            f"custom:{event.schema.event_type}",
            Identity.of(customer.external_id, customer.email, customer.phone, customer.card_number),
            external_id=event.external_id or str(event.public_id),
            occurred_at=event.occurred_at,
            properties=json.loads(exact_json.dumps(event.body), parse_float=str),
            source=members.SOURCE,
        )
        recorded = activities.record(event.store, new)
    except BadIdentity as error:
        raise invalid("customerData", "unknown") from error
    except ActivityConflict as error:
        raise invalid("eventId", "duplicate") from error
    if not recorded.is_new:  # told over another wire before
        raise invalid("eventId", "duplicate")
