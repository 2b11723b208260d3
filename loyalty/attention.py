"""Everything that waits for a person, whichever app noticed it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from customers import approvals
from customers import attention as customers
from customers.attention import Item, Link, open_events
from customers.models import Event
from earning import attention as earning
from earning.models import Order, OrderFact
from integrations import attention as integrations
from integrations import registry
from loyalty.stores.models import Store
from spending import attention as spending

MOST = 50  # of each sort on the page
LATE = timedelta(hours=1)  # an order usually comes right behind its refund


class Unknown(Item):
    """Of a dialect that is not spoken here any more."""

    @property
    def title(self) -> str:
        return f"{self.data['what'].replace('_', ' ').capitalize()}."


KINDS = {
    what: kind
    for kinds in (
        customers.KINDS,
        approvals.KINDS,
        earning.KINDS,
        spending.KINDS,
        integrations.KINDS,
        *(dialect.items for dialect in registry.DIALECTS.values()),
    )
    for kind in kinds
    for what in kind.whats
}


def item_of(event: Event) -> Item:
    return KINDS.get(event.data.get("what"), Unknown)(event)


def open_items(store: Store) -> list[Item]:
    return [item_of(event) for event in open_events(store).select_related("customer", "store").order_by("-id")[:MOST]]


@dataclass(frozen=True, slots=True)
class Stuck:
    """What is shown until it mends: there is nothing to decide, at most something to try again."""

    title: str
    since: datetime
    error: str = ""
    links: list[Link] = field(default_factory=list)
    retry_href: str = ""


def stuck(store: Store) -> list[Stuck]:
    """Facts that were given up after five tries, and orders that were told of before they came."""
    found = [*given_up(store), *orders_awaited(store)]
    return sorted(found, key=lambda one: one.since, reverse=True)


def given_up(store: Store) -> Iterator[Stuck]:
    for activity in quarantined(store.activities.select_related("customer")):
        yield Stuck(
            f"An activity of {activity.customer} could not be applied.", activity.quarantined_at, activity.error,
            [link(store, "Look at it", "earning:activity_detail", activity.public_id)],
            href(store, "earning:activity_retry", activity.public_id),
        )  # fmt: skip
    for fact in quarantined(store.order_facts.all()):
        yield Stuck(
            f"Order {fact.order_external_id}: “{fact.get_kind_display().lower()}” could not be applied.",
            fact.quarantined_at, fact.error, retry_href=href(store, "earning:order_fact_retry", fact.pk),
        )  # fmt: skip
    for call in quarantined(store.inbound_events.select_related("connection").defer("body", "answer")):
        yield Stuck(
            f"The call “{call.event}” of {call.connection} could not be applied.", call.quarantined_at, call.error,
            [link(store, "The call as it came", "integrations:call_detail", call.pk)],
            href(store, "integrations:call_apply", call.pk),
        )  # fmt: skip
    for row in quarantined(store.coupon_imports.select_related("pool")):
        yield Stuck(
            f"The import of “{row.file_name}” into “{row.pool}” stopped.", row.quarantined_at, row.error,
            [link(store, "Look at it", "spending:import_detail", row.public_id)],
            href(store, "spending:import_retry", row.public_id),
        )  # fmt: skip


def quarantined(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(quarantined_at__isnull=False).order_by("-id")[:MOST]


def orders_awaited(store: Store) -> Iterator[Stuck]:
    calls = [link(store, "Look at the calls", "integrations:call_list")] if store.connections.exists() else []
    for order in awaited(store).order_by("-id")[:MOST]:
        kinds = store.order_facts.filter(order_external_id=order.external_id).values_list("kind", flat=True)
        told = " and ".join(sorted({OrderFact.Kind(kind).label.lower() for kind in kinds}))
        yield Stuck(
            f"Order {order.external_id} was told of ({told}), but the order itself has not come.",
            order.created_at, links=calls,
        )  # fmt: skip


def awaited(store: Store) -> QuerySet[Order]:
    """Nobody's yet: an order that has not come has no customer, which the index of customers' orders finds."""
    return store.orders.filter(customer=None, status="", created_at__lt=timezone.now() - LATE)


def link(store: Store, label: str, name: str, *args: object) -> Link:
    return Link(label, href(store, name, *args))


def href(store: Store, name: str, *args: object) -> str:
    return reverse(name, args=[store.slug, *args])


def count(store: Store) -> int:
    """How many wait, up to `MOST` of each sort."""
    facts = (store.activities, store.order_facts, store.inbound_events, store.coupon_imports)
    given_up = [quarantined(rows.all()) for rows in facts]
    return sum(rows.count() for rows in (open_events(store)[:MOST], awaited(store)[:MOST], *given_up))
