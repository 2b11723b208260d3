"""An event that was read, and where what it says goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from customers.models import Event, Topic
from earning import orders
from integrations.models import Connection
from loyalty.stores.models import Store

from .settings import LootlySettings

SOURCE = "lootly"


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was read: what it says and which call said it."""

    connection: Connection
    settings: LootlySettings
    content: Any
    identity: str

    @property
    def store(self) -> Store:
        return self.connection.store


@dataclass(frozen=True, slots=True)
class EventKind:
    """`read` gives the content or raises Refused; `apply` may run twice. `is_state`: said again, it holds again."""

    read: Callable[[dict[str, Any], LootlySettings], Any]
    apply: Callable[[Told], None]
    is_state: bool = False


def record(store: Store, order_id: str, kind: str, identity: str, data: dict[str, Any]) -> None:
    orders.record_fact(store, order_id, kind, identity=identity, data=data, source=SOURCE)


def show_once(store: Store, what: str, **data: str) -> None:
    """An item for a person to look at; not twice for the same thing."""
    item = {"what": what, **data}
    if not Event.objects.filter(store=store, topic=Topic.ATTENTION, data=item).exists():
        Event.objects.create(store=store, topic=Topic.ATTENTION, data=item)
