"""Items about orders that wait for a person. What they decide is a fact of the order like any other."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from customers.attention import Choice, Item, Link
from loyalty.stores.numbers import money

from . import orders
from .folding import Told, precedence
from .models import Order, OrderFact


class OrderItem(Item):
    @property
    def order(self) -> Order | None:
        return self.store.orders.select_related("customer").filter(external_id=self.data["order"]).first()

    @property
    def links(self) -> list[Link]:
        order = self.order
        return [self.link_to(order.customer)] if order and order.customer else []

    def money(self, amount: Any) -> str:
        return money(Decimal(amount), self.store.currency)


class PossibleSecondRefund(OrderItem):
    """The same refund was told twice, in the same words and without an id: once, or two equal ones?"""

    whats = ("possible_second_refund",)

    @property
    def title(self) -> str:
        amount = self.money(self.data["amount"])
        return f"Order {self.data['order']}: your shop reported a refund of {amount} twice, in the same words."

    @property
    def help(self) -> str:
        return (
            "The second does not count yet, since it may be a repeat of the first. "
            f"Counted, the {self.store.points_name_plural} of this amount are taken back too."
        )

    @property
    def choices(self) -> Sequence[Choice]:
        return [Choice("count", "Count it", self.count), self.dismissal()]

    def count(self, actor: str) -> str:
        data = {"amount": self.data["amount"], "accepts": self.data["identity"]}
        orders.record_fact(
            self.store, self.data["order"], OrderFact.Kind.REFUND, identity=f"accepted:{self.data['identity']}",
            data=data, source="dashboard",
        )  # fmt: skip
        return f"The second refund of {self.money(self.data['amount'])} counts now."


class OrderChanged(OrderItem):
    """One order at one status was told in two ways, and neither says which is newer."""

    whats = ("order_changed",)

    @property
    def title(self) -> str:
        return f"Order {self.data['order']}: your shop told it as “{self.data['status']}” in different ways."

    @property
    def help(self) -> str:
        return "Neither says which is newer, so the one with the lowest total counts. Choose the one that is right."

    @property
    def choices(self) -> Sequence[Choice]:
        facts = list(
            self.store.order_facts.filter(
                order_external_id=self.data["order"], kind=OrderFact.Kind.STATUS, data__status=self.data["status"]
            ).order_by("pk")
        )
        different = [fact for at, fact in enumerate(facts) if content(fact) not in map(content, facts[:at])]
        counted = content(max(facts, key=lambda fact: precedence(told(fact)))) if facts else {}
        return [self.choice(fact, is_counted=content(fact) == counted) for fact in different]

    def choice(self, fact: OrderFact, is_counted: bool) -> Choice:
        body = f"{self.total(fact)}, told {self.store.local(fact.received_at):%-d %b %H:%M}"
        if is_counted:
            return Choice("dismiss", f"Keep {body}", lambda actor: "It stays as it is.")
        return Choice(f"use-{fact.pk}", f"Use {body}", partial(self.use, fact))

    def total(self, fact: OrderFact) -> str:
        return self.money(fact.data.get("total") or 0)

    def use(self, fact: OrderFact, actor: str) -> str:
        data = content(fact) | {"picked": self.event.pk}
        orders.record_fact(
            self.store, self.data["order"], OrderFact.Kind.STATUS, identity=f"picked:{self.event.pk}", data=data,
            source="dashboard",
        )  # fmt: skip
        return f"The order counts with {self.total(fact)} now."


def told(fact: OrderFact) -> Told:
    return Told(fact.kind, fact.identity, fact.data, fact.received_at)


def content(fact: OrderFact) -> dict[str, Any]:
    return {name: value for name, value in fact.data.items() if name != "picked"}


KINDS: tuple[type[Item], ...] = (PossibleSecondRefund, OrderChanged)
