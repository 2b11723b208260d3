"""What of this wire waits for a person: a shop that moved, a call that may have been meant twice, a code in doubt."""

from collections.abc import Sequence
from typing import Any

from customers.attention import Choice, Item, Link, NotPossible
from integrations import answering, connections
from integrations.answering import Answer
from integrations.models import Connection, InboundEvent

from . import signature
from .balances import Call
from .calls import CALLS, CallKind
from .fields import Fields
from .refusals import Refused


class NewShopAddress(Item):
    """A live connection was told of another host: calls and codes would go there."""

    whats = ("new_shop_address",)
    needs = "can_edit"

    @property
    def endpoints(self) -> dict[str, str]:
        return {name: url for name, url in self.data.items() if name not in ("what", "connection")}

    @property
    def connection(self) -> Connection:
        return self.store.connections.get(public_id=self.data["connection"])

    @property
    def title(self) -> str:
        return f"{self.connection} says that your shop moved to {' and '.join(sorted(set(self.endpoints.values())))}."

    @property
    def help(self) -> str:
        if self.choices[0].key == "dismiss":
            return "It named another address since."
        return "Confirm it only if you moved the shop. Refused, the address that was known stays."

    @property
    def links(self) -> list[Link]:
        return [Link(str(self.connection), self.url("integrations:connection_detail", self.data["connection"]))]

    @property
    def choices(self) -> Sequence[Choice]:
        if self.connection.settings.get("new_endpoints") != self.endpoints:
            return [self.dismissal()]
        return [
            Choice("confirm", "Confirm", self.confirm),
            Choice("refuse", "Refuse", self.refuse, icon="x"),
        ]

    def confirm(self, actor: str) -> str:
        connections.configure(self.connection, endpoints=self.endpoints, new_endpoints={})
        return "The new address holds from now on."

    def refuse(self, actor: str) -> str:
        connections.configure(self.connection, new_endpoints={})
        return "Refused. The address that was known stays."


class PossibleSecondCall(Item):
    """An equal call without an id or a time came again within minutes, and was answered like the first."""

    whats = ("possible_second_call",)

    @property
    def row(self) -> InboundEvent:
        return self.store.inbound_events.select_related("connection__store").get(pk=self.data["call"])

    @property
    def title(self) -> str:
        said = ", ".join(
            f"{name} {value}" for name, value in self.values().items() if not isinstance(value, dict | list)
        )
        made = f"{self.row.connection} made the call “{self.data['event']}” twice within minutes"
        return f"{made}: {said}." if said else f"{made}."

    @property
    def help(self) -> str:
        if not self.row.body:
            return "It counted once. What it said was kept for 90 days, so it cannot be applied any more."
        if self.kind.is_alone:
            return "It counted once, since the second may be a repeat of the first: both got the same code."
        return "It counted once, since the second may be a repeat of the first. Applied, it counts once more."

    @property
    def links(self) -> list[Link]:
        return [Link("The call as it came", self.url("integrations:call_detail", self.data["call"]))]

    @property
    def choices(self) -> Sequence[Choice]:
        if self.kind.is_alone or not self.row.body:  # nobody would see the second code
            return [self.dismissal()]
        return [Choice("apply", "Apply it", self.apply), self.dismissal()]

    @property
    def kind(self) -> CallKind:
        return CALLS[self.data["event"]]

    def values(self) -> dict[str, Any]:
        """What the call said, while that is kept."""
        body = self.row.body
        return signature.read(body.encode(), with_mac=False).values if body else {}

    def apply(self, actor: str) -> str:
        """As a call of its own, which the list of calls shows. Its identity lets it count only once more."""
        row, kind, fields = self.row, self.kind, Fields(self.values())

        def perform(kept: InboundEvent) -> Answer:
            return Answer(200, {"data": kind.perform(Call(self.store, fields, kept))})

        try:
            answering.answer_once(row.connection, row.event, f"{row.identity}:{self.event.pk}", row.body, perform)
        except Refused as refused:
            raise NotPossible(f"It was refused: {refused.message}") from refused
        return "It counts once more now."


class CouponMayExist(Item):
    """The shop was asked for a code and did not say that it made it."""

    whats = ("coupon_may_exist",)

    @property
    def title(self) -> str:
        return f"Your shop did not make the code {self.data['code']} for “{self.data['reward']}”. {self.data['why']}"

    @property
    def help(self) -> str:
        points = self.store.points_name_plural
        return f"The customer got the {points} back. If your shop has a coupon with this code all the same, delete it."

    @property
    def links(self) -> list[Link]:
        shop = Link("The connection", self.url("integrations:connection_detail", self.data["connection"]))
        return [*super().links, shop]


KINDS: tuple[type[Item], ...] = (NewShopAddress, PossibleSecondCall, CouponMayExist)
