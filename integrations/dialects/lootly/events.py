"""What a shop tells: each event is read when it comes and applied by a worker as a fact of the core."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from customers import attention
from customers.models import Customer
from earning import activities, orders
from integrations import connections, inbox
from integrations.models import Connection, InboundEvent
from loyalty.stores.bounded_json import BadJSON, loads

from . import refunds, serializers
from .calls import CALLS
from .people import People, identity_of, sign_up_of
from .refusals import Refused
from .serializers import Person
from .settings import LootlySettings
from .told import SOURCE, Batch, EventKind, Told


def process_many(rows: list[InboundEvent]) -> list[Exception | None]:
    """Apply kept events of one store. All are read first, so that what they name is looked up in one go."""
    store = rows[0].connection.store
    batch = Batch(store, People(store, []))
    events = [read(row, batch) for row in rows]
    batch.people = People(store, [person for event in events for person in persons_in(event)])
    outcomes = [apply(event) for event in events]
    batch.store_facts()
    return outcomes


def read(row: InboundEvent, batch: Batch) -> Told | Exception:
    kind, settings = EVENTS.get(row.event), LootlySettings.of(row.connection)
    if row.event in CALLS:  # its process ended in the middle; what it began ends by itself, see redemptions
        return inbox.Rejected("The call was cut off before it was answered. Made again, it gets its answer.")
    if kind is None:
        return inbox.NotUnderstood(f"There is no event “{row.event}”.")
    try:
        content = kind.read(loads(row.body.encode()), settings)
    except (BadJSON, Refused) as error:
        return inbox.Rejected(str(error))
    return Told(kind, row.connection, settings, content, row.identity, batch)


def persons_in(event: Told | Exception) -> list[Person]:
    content = event.content if isinstance(event, Told) else None
    found = content.get("person") if isinstance(content, dict) else content
    return [found] if isinstance(found, Person) else []


def apply(event: Told | Exception) -> Exception | None:
    if isinstance(event, Exception):
        return event
    try:
        event.kind.apply(event)
    except orders.OrderFactConflict as error:
        return inbox.Rejected(str(error))
    return None


def perform(kind: EventKind, connection: Connection, content: Any, identity: str) -> None:
    """Apply an event in the request that brought it."""
    batch = Batch(connection.store, People(connection.store, []))
    kind.apply(Told(kind, connection, LootlySettings.of(connection), content, identity, batch))
    batch.store_facts()


# --- The connection -----------------------------------------------------------------------------


def verify(told: Told) -> None:
    Connection.objects.filter(pk=told.connection.pk, verified_at=None).update(verified_at=timezone.now())


def install(told: Told) -> None:
    """Keep where the shop can be called. On a live connection another host waits for the owner's word."""
    known = told.connection.settings.get("endpoints", {})
    endpoints = known | {name: url for name, url in told.content.items() if url}
    if told.connection.verified_at and any(host_of(known[name]) != host_of(endpoints[name]) for name in known):
        connections.configure(told.connection, new_endpoints=endpoints)
        attention.show(told.store, "new_shop_address", connection=str(told.connection.public_id), **endpoints)
        return
    connections.configure(told.connection, endpoints=endpoints)
    verify(told)


def host_of(url: str) -> str:
    return url.split("/")[2].lower()


# --- Customers ----------------------------------------------------------------------------------


def register(told: Told) -> None:
    people = told.batch.people
    customer = people.meet(told.content)
    if customer.state == Customer.State.GUEST or customer.pk not in people.joined:
        activities.join(told.store, identity_of(customer), source=SOURCE, external_id=sign_up_of(customer))
        people.joined.add(customer.pk)


# --- Orders -------------------------------------------------------------------------------------


def order_reached(status: str) -> Callable[[Told], None]:
    """An order of this status: known ones are told again as they go on."""

    def apply_status(told: Told) -> None:
        order = dict(told.content)
        order_id, person = order.pop("id"), order.pop("person")
        data = order | {
            "status": status,
            "award_on": told.settings.award_on,
            "customer": customer_of(told, person),
        }
        told.batch.add(order_id, orders.Kind.STATUS, f"{status}:{told.identity}", data)

    return apply_status


def customer_of(told: Told, person: Person) -> dict[str, Any] | None:
    """Whose order it is, as the core is told: an account joins, a guest is known by the e-mail address only."""
    names = {"first_name": person.first_name, "last_name": person.last_name}
    if person.external_id:
        customer = told.batch.people.meet(person)
        if customer.state == Customer.State.GUEST:
            activities.enrol(customer)
        return names | {"external_id": person.external_id, "email": None, "is_registered": True}
    if person.email and told.settings.count_guest_orders:
        return names | {"external_id": None, "email": person.email, "is_registered": False}
    return None


def order_cancelled(told: Told) -> None:
    told.batch.add(told.content, orders.Kind.CANCELLED, "cancelled", {})


def order_closed(told: Told) -> None:
    told.batch.add(told.content, orders.Kind.CLOSED, "closed", {})


REFUND = "refunds-create"
EVENTS: dict[str, EventKind] = {
    "key-verify": EventKind(serializers.nothing_of, verify, is_state=True),
    "app-installed": EventKind(serializers.endpoints_of, install, is_state=True),
    "customers-create": EventKind(serializers.customer_of, register, is_state=True),
    "orders-processing": EventKind(serializers.order_of, order_reached("processing")),
    "orders-paid": EventKind(serializers.order_of, order_reached("paid")),
    "orders-fulfilled": EventKind(serializers.order_of, order_reached("fulfilled")),
    "orders-completed": EventKind(serializers.order_of, order_reached("completed")),
    "orders-cancelled": EventKind(serializers.order_id_of, order_cancelled),
    "orders-closed": EventKind(serializers.order_id_of, order_closed),
    REFUND: EventKind(serializers.refunds_of, refunds.refund),
}
