"""Whether someone may take a reward now, and what it costs. Pure: no database, no clock of its own.

The same function answers the shop, the widget and the dry run, so nobody is told another reason than the one
that would hold.
"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from .rewards import KINDS, money

# Some write 9999-12-31 for "never". The midnights after this day are dates in any time zone.
LAST_DAY = date(9999, 12, 29)

Check = dict[str, Any]  # {"check", "ok", "seen"?, "want"?}: one condition, what was seen, the verdict


class Offer(Protocol):
    """What must be known of a reward; spending.models.Reward is one."""

    kind: str
    points: Decimal
    settings: Mapping[str, Any]
    is_enabled: bool
    active_from: datetime | None
    active_until: datetime | None
    tags_any: list[str]
    tags_none: list[str]
    customer_limit: int | None
    customer_limit_period: str
    total_limit: int | None
    total_limit_period: str
    validity: str
    validity_count: int | None
    validity_until: date | None


@dataclass(frozen=True, slots=True)
class Shopper:
    state: str
    tags: Sequence[str]
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Taken:
    """How often the reward was taken in the present periods of its limits."""

    by_customer: int = 0
    in_all: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checks` are all that was looked at; the first that failed names the refusal."""

    cost: Decimal
    checks: list[Check]

    @property
    def is_ok(self) -> bool:
        return self.failed is None

    @property
    def failed(self) -> Check | None:
        return next((check for check in self.checks if not check["ok"]), None)

    @property
    def code(self) -> str:
        """The refusal in one word for machines; "" when it is allowed."""
        return REFUSALS[self.failed["check"]] if self.failed else ""

    def without_codes(self) -> "Verdict":
        """The same, with no code left: told last, so that whoever lacks points hears of the points."""
        return Verdict(self.cost, [*self.checks, {"check": "codes", "ok": False}])

    @property
    def data(self) -> dict[str, Any]:
        return {"cost": digits(self.cost), "checks": self.checks}


REFUSALS = {
    "enabled": "not_enabled", "dates": "not_active", "member": "not_enrolled", "not_blocked": "blocked",
    "tags_any": "not_eligible", "tags_none": "not_eligible", "amount": "bad_amount",
    "customer_limit": "limit_reached", "total_limit": "limit_reached",
    "balance": "insufficient_points", "codes": "out_of_codes",
}  # fmt: skip


def judge(offer: Offer, shopper: Shopper, taken: Taken, now: datetime, *, multiplier: int = 1) -> Verdict:
    """Look at every condition that is set, so that the answer names them all."""
    kind = KINDS[offer.kind]
    cost = kind.cost(offer.points, offer.settings, multiplier)
    checks: list[Check] = [
        {"check": "enabled", "ok": offer.is_enabled},
        {"check": "not_blocked", "ok": shopper.state != "blocked"},
        {"check": "member", "ok": shopper.state != "guest"},
    ]
    if offer.active_from or offer.active_until:
        checks.append(in_dates(offer, now))
    checks += tagged(offer, shopper)
    least, most = kind.bounds(offer.settings)
    if kind.takes_multiplier or multiplier != 1:
        ok = least <= multiplier <= most
        checks.append({"check": "amount", "ok": ok, "seen": multiplier, "want": [least, most]})
    checks += within_limits(offer, taken)
    checks.append(
        {"check": "balance", "ok": shopper.balance >= cost, "seen": digits(shopper.balance), "want": digits(cost)}
    )
    return Verdict(cost, checks)


def digits(number: Decimal) -> str:
    """Every digit that says something: 500.000000 is "500"."""
    return f"{number.normalize():f}"


def in_dates(offer: Offer, now: datetime) -> Check:
    ok = (not offer.active_from or now >= offer.active_from) and (not offer.active_until or now <= offer.active_until)
    return {
        "check": "dates", "ok": ok, "seen": now.isoformat(),
        "from": offer.active_from and offer.active_from.isoformat(),
        "until": offer.active_until and offer.active_until.isoformat(),
    }  # fmt: skip


def tagged(offer: Offer, shopper: Shopper) -> list[Check]:
    checks: list[Check] = []
    tags = list(shopper.tags)
    if offer.tags_any:
        ok = not set(offer.tags_any).isdisjoint(tags)
        checks.append({"check": "tags_any", "ok": ok, "seen": tags, "want": list(offer.tags_any)})
    if offer.tags_none:
        ok = set(offer.tags_none).isdisjoint(tags)
        checks.append({"check": "tags_none", "ok": ok, "seen": tags, "want": list(offer.tags_none)})
    return checks


def within_limits(offer: Offer, taken: Taken) -> list[Check]:
    limits = [
        ("customer_limit", offer.customer_limit, offer.customer_limit_period, taken.by_customer),
        ("total_limit", offer.total_limit, offer.total_limit_period, taken.in_all),
    ]
    return [
        {"check": name, "ok": seen < limit, "seen": seen, "want": limit, "period": period}
        for name, limit, period, seen in limits
        if limit
    ]


def expires_at(offer: Offer, now: datetime, tz: ZoneInfo) -> datetime | None:
    """When a code issued now ends; a day counts to its end in the store's time zone. None: never."""
    count, local = offer.validity_count or 0, now.astimezone(tz)
    if offer.validity == "date" and offer.validity_until:
        return end_of(offer.validity_until, tz)
    if offer.validity in ("days", "weeks"):
        return end_of(local.date() + timedelta(days=count * (7 if offer.validity == "weeks" else 1)), tz)
    if offer.validity == "months":
        years, month = divmod(local.month - 1 + count, 12)
        year = local.year + years
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        return end_of(date(year, month + 1, day), tz)
    return None


def end_of(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(min(day, LAST_DAY) + timedelta(days=1), time.min, tz)


def affordable(offer: Offer, balance: Decimal) -> int:
    """The most steps of an amount of their choice that a balance pays for; 0 when not even the least."""
    least, most = KINDS[offer.kind].bounds(offer.settings)
    steps = min(int(balance // offer.points), most)
    return steps if steps >= least else 0


def worth(offer: Offer, multiplier: int) -> Decimal | None:
    """In the store's currency, where that is known beforehand."""
    return money(KINDS[offer.kind].value(offer.settings, multiplier))
