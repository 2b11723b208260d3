"""What a shop tells: each event is read when it comes and applied by a worker as a fact of the core."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from customers import enrolment
from customers.enrolment import Identity
from earning import activities, orders
from integrations import connections, inbox
from integrations.models import Connection, InboundEvent
from loyalty.stores.bounded_json import BadJSON, loads
from loyalty.stores.models import Store

from . import people, refunds, serializers
from .refusals import Refused
from .serializers import Person
from .settings import LootlySettings
from .told import SOURCE, EventKind, Told, record, show_once


def process(inbound: InboundEvent) -> None:
    """Apply a kept event. Raises inbox.Rejected or inbox.NotUnderstood."""
    kind = EVENTS.get(inbound.event)
    if kind is None:
        raise inbox.NotUnderstood(f"There is no event “{inbound.event}”.")
    try:
        perform(kind, inbound.connection, loads(inbound.body.encode()), inbound.identity)
    except (BadJSON, Refused, orders.OrderFactConflict) as error:
        raise inbox.Rejected(str(error)) from error


def perform(kind: EventKind, connection: Connection, members: dict[str, Any], identity: str) -> None:
    settings = LootlySettings.of(connection)
    kind.apply(Told(connection, settings, kind.read(members, settings), identity))


# --- The connection -----------------------------------------------------------------------------


def verify(told: Told) -> None:
    Connection.objects.filter(pk=told.connection.pk, verified_at=None).update(verified_at=timezone.now())


def install(told: Told) -> None:
    """Keep where the shop can be called. On a live connection another host waits for the owner's word."""
    known = told.connection.settings.get("endpoints", {})
    endpoints = known | {name: url for name, url in told.content.items() if url}
    if told.connection.verified_at and any(host_of(known[name]) != host_of(endpoints[name]) for name in known):
        connections.configure(told.connection, new_endpoints=endpoints)
        show_once(told.store, "new_shop_address", **endpoints)
        return
    connections.configure(told.connection, endpoints=endpoints)
    verify(told)


def host_of(url: str) -> str:
    return url.split("/")[2].lower()


# --- Customers ----------------------------------------------------------------------------------


def register(told: Told) -> None:
    person: Person = told.content
    customer = people.meet(told.store, person)
    activities.join(told.store, Identity(external_id=person.external_id), source=SOURCE)
    activities.release_waiting(told.store.pk, [customer.pk])


# --- Orders -------------------------------------------------------------------------------------


def order_reached(status: str) -> Callable[[Told], None]:
    """An order of this status: known ones are told again as they go on."""

    def apply(told: Told) -> None:
        order = dict(told.content)
        order_id, person = order.pop("id"), order.pop("person")
        data = order | {
            "status": status,
            "award_on": told.settings.award_on,
            "customer": customer_of(told, person),
        }
        show_change(told.store, order_id, status, data)
        record(told.store, order_id, orders.Kind.STATUS, f"{status}:{told.identity}", data)

    return apply


def show_change(store: Store, order_id: str, status: str, data: dict[str, Any]) -> None:
    """Two bodies of one status differ and neither says which is newer: the core believes one, a person may pick."""
    facts = store.order_facts.filter(order_external_id=order_id, kind=orders.Kind.STATUS, data__status=status)
    if not data["updated_at"] and any(said != data for said in facts.values_list("data", flat=True)):
        show_once(store, "order_changed", order=order_id, status=status)


def customer_of(told: Told, person: Person) -> dict[str, Any] | None:
    """Whose order it is, as the core is told: an account joins, a guest is known by the e-mail address only."""
    names = {"first_name": person.first_name, "last_name": person.last_name}
    if person.external_id:
        customer = people.meet(told.store, person)
        if enrolment.enrol(customer):
            activities.release_waiting(told.store.pk, [customer.pk])
        return names | {"external_id": person.external_id, "email": None, "is_registered": True}
    if person.email and told.settings.count_guest_orders:
        return names | {"external_id": None, "email": person.email, "is_registered": False}
    return None


def order_cancelled(told: Told) -> None:
    record(told.store, told.content, orders.Kind.CANCELLED, "cancelled", {})


def order_closed(told: Told) -> None:
    record(told.store, told.content, orders.Kind.CLOSED, "closed", {})


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
