"""Adjustments within the store's limits: so much a day for each person of support, and large ones by two people.

What waits for the second person is an event that needs a look; deciding about it posts the entry, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Abs
from uuid_utils.compat import uuid7

from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.numbers import points as in_words
from loyalty.stores.numbers import signed

from . import adjustments, ledger
from .adjustments import AdjustmentConflict, BadAdjustment
from .attention import Choice, Item, NotPossible
from .models import Customer, Event, LedgerEntry, Resolution, Topic

WHAT = "adjustment"
APPROVE, DECLINE = "approve", "decline"


class OverCap(BadAdjustment):
    """The person has given and taken as much today as the store lets them."""


class Declined(AdjustmentConflict):
    """A second person has decided against it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An adjustment as it is asked for."""

    customer: Customer
    points: Decimal
    reason: str
    actor: str
    identity: str = ""
    code: str = ""

    def post(self, store: Store) -> LedgerEntry:
        return adjustments.adjust(
            store, self.customer, self.points, self.reason, actor=self.actor, identity=self.identity, code=self.code
        )


@transaction.atomic
def ask(store: Store, wish: Wish, *, is_capped: bool) -> LedgerEntry | Event:
    """The entry; or the event that waits for a second person, where the store wants one for so many points.

    Raises BadAdjustment, or InsufficientPoints when taking more than the balance.
    """
    adjustments.check(store, wish.points, wish.reason)
    if is_capped:
        one_at_a_time(store, wish.actor)
    purse = ledger.lock_wallets(store.pk, [wish.customer.pk])[wish.customer.pk]  # twin calls look one after the other
    if adjustments.is_posted(store, wish.customer, wish.identity):
        return wish.post(store)
    if twin := told_before(store, wish):
        return twin
    if needs_second(store, wish.points):
        if wish.points < 0 and purse.balance + wish.points < 0:
            raise ledger.InsufficientPoints(wish.customer.pk, purse.balance, -wish.points)
        return wait(store, wish)
    if is_capped:
        keep_to_cap(store, wish)
    return wish.post(store)


def needs_second(store: Store, points: Decimal) -> bool:
    above = store.adjustment_approval_above
    return above is not None and abs(points) > above


# --- The cap --------------------------------------------------------------------------------------


def one_at_a_time(store: Store, actor: str) -> None:
    """Two adjustments of one person at once would each see the other's points as not given yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [f"adjust:{actor}", store.pk])


def keep_to_cap(store: Store, wish: Wish) -> None:
    cap = store.adjustment_daily_cap
    if cap is None:
        return
    moved = moved_today(store, wish.actor)
    if moved + abs(wish.points) > cap:
        left = max(cap - moved, Decimal(0))
        raise OverCap(
            f"You may give and take {in_words(cap, store)} a day and have {in_words(left, store)} left. "
            "Ask an owner or a manager to do it, or wait until tomorrow."
        )


def moved_today(store: Store, actor: str) -> Decimal:
    """What a person has given and taken since the store's midnight. Undoing is not counted."""
    since = store.midnight(store.local(clock.now()).date())
    mine = store.entries.filter(kind=ledger.Kind.ADJUST, actor=actor, created_at__gte=since, revision=1)
    return mine.aggregate(moved=Sum(Abs("points")))["moved"] or Decimal(0)


# --- The second person ----------------------------------------------------------------------------


def wait(store: Store, wish: Wish) -> Event:
    told = {
        "what": WHAT, "points": str(wish.points), "reason": wish.reason, "code": wish.code, "asked_by": wish.actor,
        "identity": wish.identity or str(uuid7()),
    }  # fmt: skip
    return Event.objects.create(store=store, customer=wish.customer, topic=Topic.ATTENTION, data=told)


def of_identity(store: Store, customer: Customer | int, identity: str) -> QuerySet[Event]:
    found = store.events.filter(customer=customer, topic=Topic.ATTENTION, data__what=WHAT)
    return found.filter(data__identity=identity)


def told_before(store: Store, wish: Wish) -> Event | None:
    """The same wish, still waiting. Raises when it was declined, or was another one."""
    twin = of_identity(store, wish.customer, wish.identity).first() if wish.identity else None
    if twin is None:
        return None
    if Decimal(twin.data["points"]) != wish.points:
        raise AdjustmentConflict("This id was used for another adjustment.")
    if Resolution.objects.filter(store=store, event=twin).exists():
        raise Declined("This adjustment was asked for before, and was declined.")
    return twin


def approver_of(store: Store, entry: LedgerEntry) -> str:
    """Who approved the adjustment that an entry is; "" when none was needed."""
    waited = of_identity(store, entry.customer_id, entry.source.partition(":")[2])
    decided = Resolution.objects.filter(store=store, event__in=waited, choice=APPROVE).first()
    return decided.actor if decided else ""


class LargeAdjustment(Item):
    """Points that one person wants to give or take and another has to agree to."""

    whats = (WHAT,)

    @property
    def not_by(self) -> str:
        return self.data["asked_by"]

    @property
    def title(self) -> str:
        code = self.data["code"]
        kind = f"{LedgerEntry.Code(code).label}: " if code else ""
        moved = signed(Decimal(self.data["points"]), self.store)
        return f"{self.not_by} asks for {moved} for {self.event.customer}. {kind}“{self.data['reason']}”"

    @property
    def help(self) -> str:
        above = self.store.adjustment_approval_above
        limit = f"More than {in_words(above, self.store)}" if above is not None else "What was asked then"
        return f"{limit} is given or taken by two people: nothing moves until somebody else approves it."

    @property
    def choices(self) -> Sequence[Choice]:
        return [Choice(APPROVE, "Approve", self.approve), Choice(DECLINE, "Decline", self.decline, icon="x")]

    def approve(self, actor: str) -> str:
        customer, data = self.event.customer, self.data
        if actor == self.not_by:
            raise NotPossible("You asked for it, so somebody else has to approve it.")
        if customer is None or customer.is_erased:
            raise NotPossible("The customer was erased since. Decline it.")
        points = Decimal(data["points"])
        wish = Wish(customer, points, data["reason"], data["asked_by"], data["identity"], data["code"])
        try:
            wish.post(self.store)
        except ledger.InsufficientPoints as error:
            raise NotPossible(f"{customer} has only {in_words(error.balance, self.store)} to spend now.") from error
        except BadAdjustment as error:
            raise NotPossible(str(error)) from error
        return f"Approved: {signed(points, self.store)} for {customer}."

    def decline(self, actor: str) -> str:
        return "Declined. No points were moved."


KINDS: tuple[type[Item], ...] = (LargeAdjustment,)
