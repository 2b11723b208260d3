"""What waits for a person: an item is an event that somebody decides about, once.

Each kind of item is a class: what it says, what one may choose, and what the choice does. Apps above declare
theirs the same way; `loyalty.attention` knows them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from loyalty.stores.models import Store
from loyalty.stores.numbers import points

from . import ledger
from .bookkeeping import write_off_of
from .models import Customer, Event, Resolution, Topic, Wallet


class NotPossible(Exception):
    """This cannot be done (any more); the message says why. Nothing changed and the item stays open."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: `do(actor)` has the effect and returns what to tell the person."""

    key: str
    label: str
    do: Callable[[str], str]
    icon: str = "check"


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    href: str


class Item:
    """One event that needs a look."""

    whats: tuple[str, ...] = ()  # the `what` of the events it is made for
    needs = "can_support"  # who may decide

    def __init__(self, event: Event) -> None:
        self.event, self.store, self.data = event, event.store, event.data

    @property
    def title(self) -> str:
        raise NotImplementedError

    @property
    def help(self) -> str:
        """What the choices do."""
        return ""

    @property
    def links(self) -> list[Link]:
        return [self.link_to(self.event.customer)] if self.event.customer else []

    @property
    def choices(self) -> Sequence[Choice]:
        return [self.dismissal()]

    @property
    def not_by(self) -> str:
        """The one person who may not decide, as they are called where they did something."""
        return ""

    def dismissal(self) -> Choice:
        return Choice("dismiss", "Dismiss", lambda actor: "Dismissed. Nothing was changed.", icon="x")

    def link_to(self, customer: Customer) -> Link:
        return Link(str(customer), self.url("customers:customer_detail", customer.public_id))

    def url(self, name: str, *args: Any) -> str:
        return reverse(name, args=[self.store.slug, *args])


def show(store: Store, what: str, *, customer: Customer | None = None, is_told_once: bool = False, **data: Any) -> None:
    """Make an item, unless the same is open; with `is_told_once`, unless it ever was."""
    item = {"what": what, **data}
    same = (store.events if is_told_once else open_events(store)).filter(topic=Topic.ATTENTION, data=item)
    if not same.filter(customer=customer).exists():
        Event.objects.create(store=store, customer=customer, topic=Topic.ATTENTION, data=item)


def open_events(store: Store) -> QuerySet[Event]:
    """Nobody has decided about these yet."""
    resolved = Resolution.objects.filter(store=store, event=OuterRef("pk"))
    return store.events.filter(~Exists(resolved), topic=Topic.ATTENTION)


@transaction.atomic
def resolve(item: Item, key: str, *, actor: str) -> str | None:
    """Do what a person chose. Returns what to tell them; None when somebody had decided before.

    Raises NotPossible when it cannot be done, or not any more.
    """
    _, is_first = Resolution.objects.get_or_create(
        store=item.store, event=item.event, defaults={"choice": key, "actor": actor[:100]}
    )
    if not is_first:
        return None
    chosen = {choice.key: choice for choice in item.choices}.get(key)
    if chosen is None:
        raise NotPossible("This cannot be chosen any more. Look at it again.")
    return chosen.do(actor)


# --- Kinds ----------------------------------------------------------------------------------------


class NegativeBalance(Item):
    """A refund took back points that were spent, and the store wants to see it."""

    whats = ("negative_balance",)

    @cached_property
    def wallet(self) -> Wallet:
        return self.store.wallets.get(customer=self.event.customer_id)

    @property
    def title(self) -> str:
        below = points(Decimal(self.data["balance"]), self.store)
        return f"A refund took back {self.store.points_name_plural} that were spent: the balance went to {below}."

    @property
    def help(self) -> str:
        if self.wallet.balance >= 0:
            return f"Later {self.store.points_name_plural} have repaid it since."
        return f"Written off, the balance is zero again. Dismissed, later {self.store.points_name_plural} repay it."

    @property
    def choices(self) -> Sequence[Choice]:
        if self.wallet.balance >= 0:
            return [self.dismissal()]
        debt = points(-self.wallet.balance, self.store)
        return [Choice("write_off", f"Write off {debt}", self.write_off), self.dismissal()]

    def write_off(self, actor: str) -> str:
        customer_id = self.wallet.customer_id
        purses = ledger.lock_wallets(self.store.pk, [customer_id])
        debt = -purses[customer_id].balance
        if debt <= 0:
            raise NotPossible("The balance is not below zero any more.")
        source = write_off_of(f"event:{self.event.pk}")
        rest = ledger.Settlement(
            customer_id, source, ledger.Kind.WRITE_OFF, debt, reason="Debt after a refund, written off", actor=actor
        )
        ledger.settle(self.store, [rest], purses)
        return f"{points(debt, self.store)} are written off."


NAMES = {"email": "mail address", "phone": "phone number", "card_number": "card number"}


class IdentityConflict(Item):
    """A shop names two people by one address."""

    whats = tuple(f"{field}_conflict" for field in NAMES)

    @property
    def field(self) -> str:
        return self.data["what"].removesuffix("_conflict")

    @cached_property
    def other(self) -> Customer | None:
        named = self.data.get("other")
        return self.store.customers.filter(public_id=named).first() if named else None

    @property
    def title(self) -> str:
        value = getattr(self.other, self.field) if self.other else None
        said = f"“{value}”" if value else f"a {NAMES[self.field]}"
        return f"Your shop sent {said} for this customer, but another customer has it."

    @property
    def help(self) -> str:
        return "Nothing was merged: each keeps what is theirs. Correct whichever is wrong, in your shop or here."

    @property
    def links(self) -> list[Link]:
        return super().links + ([self.link_to(self.other)] if self.other else [])


KINDS: tuple[type[Item], ...] = (NegativeBalance, IdentityConflict)
