"""Events that were read, and where what they say goes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from customers import attention
from earning import orders
from earning.models import OrderFact
from integrations.models import Connection
from loyalty.stores.facts import told_now
from loyalty.stores.models import Store

from .people import People
from .settings import LootlySettings

SOURCE = "lootly"


@dataclass(slots=True)
class Batch:
    """Events of one store that are applied together: whom they name, and the facts they leave."""

    store: Store
    people: People
    facts: list[OrderFact] = field(default_factory=list)

    def add(self, order_id: str, kind: str, identity: str, data: dict[str, Any]) -> None:
        self.facts.append(
            OrderFact(
                store=self.store, order_external_id=order_id, kind=kind, identity=identity, data=data, source=SOURCE,
                **told_now(),
            )
        )  # fmt: skip

    def store_facts(self) -> None:
        if self.facts:
            show_changes(self.store, [fact for fact in self.facts if fact.kind == orders.Kind.STATUS])
            orders.record_facts(self.store, self.facts)


@dataclass(frozen=True, slots=True)
class EventKind:
    """`read` gives the content or raises Refused; `apply` may run twice. `is_state`: said again, it holds again."""

    read: Callable[[dict[str, Any], LootlySettings], Any]
    apply: Callable[["Told"], None]
    is_state: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was read: what it says and which call said it."""

    kind: EventKind
    connection: Connection
    settings: LootlySettings
    content: Any
    identity: str
    batch: Batch

    @property
    def store(self) -> Store:
        return self.batch.store


def show_changes(store: Store, facts: list[OrderFact]) -> None:
    """Two bodies of one status differ and neither says which is newer: the core believes one, a person may pick."""
    told = store.order_facts.filter(
        kind=orders.Kind.STATUS, order_external_id__in={fact.order_external_id for fact in facts}
    )
    bodies: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for order_id, data in [
        *told.values_list("order_external_id", "data"),
        *((fact.order_external_id, fact.data) for fact in facts),
    ]:
        bodies.setdefault((order_id, data["status"]), []).append(data)
    for fact in facts:
        status = fact.data["status"]
        if not fact.data["updated_at"] and any(body != fact.data for body in bodies[fact.order_external_id, status]):
            attention.show(store, "order_changed", order=fact.order_external_id, status=status)
