"""An order is a fold over the set of facts about it. Pure: the order of arrival and repeats change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime

from .actions import money

# Lowest first. A fact of the award status or a higher one approves the points.
STATUSES = ("pending", "processing", "paid", "fulfilled", "completed")
AMOUNTS = ("total", "subtotal", "tax", "shipping", "discount")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Told:
    """One fact about an order, as stored."""

    kind: str
    identity: str
    data: Mapping[str, Any]
    received_at: datetime


@dataclass(slots=True)
class Folded:
    status: str = ""
    is_awardable: bool = False
    awardable_at: datetime | None = None
    is_cancelled: bool = False
    refunded: Decimal = ZERO
    has_refund: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    amounts: dict[str, Decimal] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        return self.amounts.get("total", ZERO)

    @property
    def placed_at(self) -> datetime | None:
        return parse_datetime(self.body.get("placed_at") or "")

    @property
    def is_refunded(self) -> bool:
        """Nothing is left of it. Of an order of nothing, any refund is a full one."""
        return self.refunded >= self.total and self.has_refund

    @property
    def counted(self) -> Decimal | None:
        """What it adds to the customer's spending; None when it does not count as an order."""
        if not self.is_awardable or self.is_cancelled or self.is_refunded:
            return None
        return self.total - self.refunded


def fold(facts: Sequence[Told], award_status: str) -> Folded:
    """The order that these facts tell of. `award_status` holds unless a fact names its own (`award_on`)."""
    facts = sorted(facts, key=lambda fact: (fact.kind, fact.identity))
    bodies = [fact for fact in facts if fact.kind == "status"]
    folded = Folded()
    if bodies:
        folded.body = believed(bodies)
        folded.status = max((fact.data.get("status", "") for fact in bodies), key=rank)
        folded.amounts = {name: money(folded.body.get(name)) for name in AMOUNTS}
        award_on = min((fact.data.get("award_on") or award_status for fact in bodies), key=rank)
        awarding = [fact.received_at for fact in bodies if rank(fact.data.get("status", "")) >= rank(award_on)]
        folded.is_awardable, folded.awardable_at = bool(awarding), min(awarding, default=None)
    kinds = {fact.kind for fact in facts}
    folded.is_cancelled = "cancelled" in kinds and "reopened" not in kinds
    refunds = [abs(money(fact.data.get("amount"))) for fact in facts if fact.kind == "refund" and counts(fact)]
    folded.has_refund = "closed" in kinds or bool(refunds)
    refunded = folded.total if "closed" in kinds else sum(refunds, ZERO)
    folded.refunded = min(refunded, folded.total) if bodies else refunded
    return folded


def believed(bodies: Sequence[Told]) -> Mapping[str, Any]:
    """What the most trusted body says, and of the others what it leaves blank: a blank erases nothing."""
    told: dict[str, Any] = {}
    for fact in sorted(bodies, key=precedence, reverse=True):
        told = {name: value for name, value in fact.data.items() if value not in (None, "", [], {})} | told
    return told


def counts(fact: Told) -> bool:
    """A refund that may be a repeat of another waits, uncounted, for a person."""
    return not fact.data.get("is_uncounted")


def rank(status: str) -> int:
    return STATUSES.index(status) if status in STATUSES else -1


def precedence(fact: Told) -> tuple:
    """Which body is believed: the newest by its own time; without times the highest status, then the one that a
    person picked last, then the lowest total."""
    data = fact.data
    return (
        data.get("updated_at") or "",
        rank(data.get("status", "")),
        data.get("picked", 0),
        -money(data.get("total")),
    )
