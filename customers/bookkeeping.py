"""Which entries make each source worth what is asked, drawn up in memory against locked wallets."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from loyalty.stores import clock
from loyalty.stores.models import Store

from .models import Event, LedgerEntry, Topic

Kind = LedgerEntry.Kind
ZERO = Decimal(0)


class InsufficientPoints(Exception):
    """Taking these points would overdraw the balance. Nothing was posted."""

    def __init__(self, customer_id: int, balance: Decimal, asked: Decimal) -> None:
        super().__init__(f"The balance is {balance.normalize():f}; {asked.normalize():f} would overdraw it.")
        self.customer_id, self.balance, self.asked = customer_id, balance, asked


@dataclass(slots=True)
class Settlement:
    """What `source` shall be worth to a customer: `points` spendable and `pending` waiting, both exact."""

    customer_id: int
    source: str
    kind: str = Kind.EARN
    points: Decimal = ZERO
    pending: Decimal = ZERO
    reason: str = ""
    actor: str = ""
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    code: str = ""  # of an adjustment, see LedgerEntry.Code
    is_first: bool = False  # the caller knows, by a lock of its own, that the source has posted nothing yet


@dataclass(slots=True)
class Purse:
    """A locked wallet as it stands in memory while entries are drawn up."""

    id: int
    balance: Decimal
    pending: Decimal
    seq: int
    totals: dict[str, Decimal] = field(default_factory=lambda: {"earned": ZERO, "spent": ZERO, "expired": ZERO})


@dataclass(slots=True)
class Posted:
    """What a source has posted so far."""

    points: Decimal = ZERO
    pending: Decimal = ZERO
    revision: int = 0


# Which running total of the wallet a kind moves, and with which sign. An adjustment moves none.
TOTALS: dict[str, tuple[str, int]] = {
    Kind.EARN: ("earned", 1), Kind.IMPORT: ("earned", 1), Kind.WRITE_OFF: ("earned", 1),
    Kind.REDEEM: ("spent", -1), Kind.EXPIRE: ("expired", -1),
}  # fmt: skip


def draw_up(store: Store, purses, posted, settlements: list[Settlement]) -> list[dict]:
    entries: list[dict] = []
    now = clock.now()
    for one in settlements:
        purse = purses[one.customer_id]
        before = posted.setdefault((purse.id, one.source), Posted())
        points, pending = one.points - before.points, one.pending - before.pending
        if not points and not pending:
            continue
        if points < 0 and one.kind != Kind.EARN and purse.balance + points < 0:
            raise InsufficientPoints(one.customer_id, purse.balance, -points)
        entries.append(post(purse, before, one, points, pending, now))
        if points < 0 and purse.balance < 0:
            entries += meet_debt(store, purse, posted, one, now)
        elif forgiven := posted.get((purse.id, write_off_of(one.source))):
            entries += take_back(purse, forgiven, one, points, now)
    return entries


def post(purse: Purse, before: Posted, one: Settlement, points: Decimal, pending: Decimal, now: datetime) -> dict:
    """Move the purse and return the entry that says so."""
    purse.balance += points
    purse.pending += pending
    purse.seq += 1
    before.points += points
    before.pending += pending
    before.revision += 1
    if total := TOTALS.get(one.kind):
        name, sign = total
        purse.totals[name] += sign * points
    return {
        "wallet_id": purse.id, "customer_id": one.customer_id, "seq": purse.seq, "kind": one.kind,
        "points": str(points), "pending": str(pending),
        "balance_after": str(purse.balance), "pending_after": str(purse.pending),
        "source": one.source, "revision": before.revision, "reason": one.reason[:255], "actor": one.actor[:100],
        "code": one.code,
        "effective_at": one.effective_at or now,
        "expires_at": one.expires_at,
    }  # fmt: skip


def write_off_of(source: str) -> str:
    return f"write_off:{source}"


def meet_debt(store: Store, purse: Purse, posted, one: Settlement, now: datetime) -> list[dict]:
    """A refund after the points were spent: keep the debt, write it off, or show it to a person."""
    if store.negative_balance == Store.NegativeBalance.WRITE_OFF:
        before = posted.setdefault((purse.id, write_off_of(one.source)), Posted())
        rest = write_off(one, "Debt after a refund, written off")
        return [post(purse, before, rest, -purse.balance, ZERO, now)]
    if store.negative_balance == Store.NegativeBalance.REVIEW:
        Event.objects.create(
            store=store, customer_id=one.customer_id, topic=Topic.ATTENTION,
            data={"what": "negative_balance", "balance": str(purse.balance), "source": one.source},
        )  # fmt: skip
    return []


def take_back(purse: Purse, forgiven: Posted, one: Settlement, points: Decimal, now: datetime) -> list[dict]:
    """Given again, as a cancelled order that is reopened: what was written off for it is not given twice."""
    back = min(points, forgiven.points, purse.balance)
    if back <= 0:
        return []
    return [post(purse, forgiven, write_off(one, "Written off before, now earned again"), -back, ZERO, now)]


def write_off(one: Settlement, reason: str) -> Settlement:
    return Settlement(one.customer_id, write_off_of(one.source), Kind.WRITE_OFF, reason=reason, actor="policy")
