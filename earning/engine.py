"""What a fact is worth. Pure: no database and no clock of its own.

`evaluate(fact, rules, person, usage)` gives the Decision that is stored, shown and settled. The worker, a dry
run and the "why did I get no points?" page all call it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from .actions import KINDS, Check

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of an earning rule as plain values."""

    id: int
    public_id: str
    version: int
    kind: str
    action: str
    name: str
    points: Decimal
    settings: Mapping[str, Any]
    is_enabled: bool = True
    active_from: datetime | None = None
    active_until: datetime | None = None
    limit: str = ""
    limit_value: Decimal | None = None
    limit_period: str = "ever"
    tags_any: Sequence[str] = ()
    tags_none: Sequence[str] = ()
    approval: str = "at_once"
    approval_days: int = 0


class Person(NamedTuple):
    state: str = "enrolled"
    tags: Sequence[str] = ()
    birthday_set_at: datetime | None = None


class Fact(NamedTuple):
    """What happened. `order` holds a folded order: amounts as text, `is_awardable`, `is_cancelled`."""

    action: str
    occurred_at: datetime
    properties: Mapping[str, Any] = {}
    order: Mapping[str, Any] | None = None
    asked_state: str = ""
    asked_points: Decimal | None = None


class Usage(NamedTuple):
    """How much of a rule's limit a customer has used in the period of the fact."""

    times: int = 0
    points: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Scale:
    """How the store counts points."""

    quantum: Decimal = Decimal(1)
    rounding: str = "ROUND_FLOOR"


@dataclass(slots=True)
class Decision:
    """`points` is the worth after refunds, `state` where it stands, `data` the stored explanation."""

    state: str
    points: Decimal
    granted: Decimal
    rule: Rule | None
    approve_at: datetime | None
    data: dict[str, Any]


NO_USAGE: Mapping[int, Usage] = {}


def evaluate(
    fact: Fact,
    rules: Sequence[Rule],
    person: Person,
    usage: Mapping[int, Usage] = NO_USAGE,
    scale: Scale = Scale(),
    granted: Rule | None = None,
    room: Decimal | None = None,
) -> Decision:
    """Decide one fact. The first rule whose conditions all hold pays; each one considered is kept.

    `granted` is the version an earlier evaluation paid by: an order keeps its rate, so only what depends on
    the order itself is looked at again. `room` is what a limit of points had left for it then: it keeps that too.
    """
    considered: list[dict[str, Any]] = []
    for rule in [granted] if granted else rules:
        checks = [] if granted else circumstances(rule, fact, person, usage.get(rule.id))
        checks += KINDS[rule.kind].checks(rule, fact, person)
        pays = all(check["ok"] for check in checks)
        considered.append(
            {"rule": rule.public_id, "name": rule.name, "version": rule.version, "pays": pays, "checks": checks}
        )
        if pays:
            return award(fact, rule, room if granted else room_left(rule, usage.get(rule.id)), scale, considered)
    data = {"outcome": "refused" if considered else "no_rule", "points": "0", "rules": considered} | noted(room)
    return Decision(standing(fact), ZERO, ZERO, None, None, data)


def circumstances(rule: Rule, fact: Fact, person: Person, used: Usage | None) -> list[Check]:
    """What a rule's common settings ask of the moment, the person and the limit. Only what is set is checked."""
    checks: list[Check] = []
    if not rule.is_enabled:
        checks.append({"check": "enabled", "ok": False})
    if person.state == "blocked":
        checks.append({"check": "not_blocked", "ok": False})
    if rule.active_from or rule.active_until:
        checks.append(in_dates(rule, fact.occurred_at))
    if rule.tags_any:
        ok = not set(rule.tags_any).isdisjoint(person.tags)
        checks.append({"check": "tags_any", "ok": ok, "seen": list(person.tags), "want": list(rule.tags_any)})
    if rule.tags_none:
        ok = set(rule.tags_none).isdisjoint(person.tags)
        checks.append({"check": "tags_none", "ok": ok, "seen": list(person.tags), "want": list(rule.tags_none)})
    if rule.limit:
        checks.append(within_limit(rule, used or Usage()))
    return checks


def in_dates(rule: Rule, moment: datetime) -> Check:
    ok = (not rule.active_from or moment >= rule.active_from) and (not rule.active_until or moment <= rule.active_until)
    return {
        "check": "dates", "ok": ok, "seen": moment.isoformat(),
        "from": rule.active_from and rule.active_from.isoformat(),
        "until": rule.active_until and rule.active_until.isoformat(),
    }  # fmt: skip


def within_limit(rule: Rule, used: Usage) -> Check:
    so_far = used.times if rule.limit == "count" else used.points
    return {
        "check": "limit", "ok": so_far < (rule.limit_value or 0), "seen": plain(so_far),
        "want": plain(rule.limit_value or ZERO), "of": rule.limit, "period": rule.limit_period,
    }  # fmt: skip


def room_left(rule: Rule, used: Usage | None) -> Decimal | None:
    """What a limit of points leaves for one more fact; None when there is no such limit."""
    if rule.limit != "points":
        return None
    return max((rule.limit_value or ZERO) - (used or Usage()).points, ZERO)


def noted(room: Decimal | None) -> dict[str, str]:
    return {} if room is None else {"room": plain(room)}


def award(fact: Fact, rule: Rule, room: Decimal | None, scale: Scale, considered: list) -> Decision:
    worth = KINDS[rule.kind].worth(rule, fact)
    raw, steps = worth.points, dict(worth.steps)
    if fact.asked_points is not None:
        raw, steps = fact.asked_points, {"kind": "asked", "points": plain(fact.asked_points)}
    points = raw.quantize(scale.quantum, scale.rounding)
    if points != raw:
        steps["rounded"] = plain(points)
        steps["rounding"] = scale.rounding
    if room is not None and points > room:
        points = room.quantize(scale.quantum, "ROUND_FLOOR")
        steps["capped"] = plain(points)
    kept = points - clawback(points, fact.order, scale) if fact.order else points
    state, approve_at = standing_of(fact, rule)
    data = {"outcome": "awarded", "points": plain(points), "rules": considered, "sum": steps} | noted(room)
    if kept != points:
        order = fact.order or {}
        data["kept"] = {"points": plain(kept), "refunded": str(order.get("refunded")), "total": str(order.get("total"))}
    if approve_at:
        data["approve_at"] = approve_at.isoformat()
    return Decision(state, kept, points, rule, approve_at, data)


def clawback(points: Decimal, order: Mapping[str, Any], scale: Scale) -> Decimal:
    """The refunded share, cumulative and rounded down; the last refund takes the rest, so a full one nets zero."""
    refunded, total = Decimal(order["refunded"]), Decimal(order["total"])
    if not refunded:
        return ZERO
    if refunded >= total:
        return points
    return (points * refunded / total).quantize(scale.quantum, "ROUND_FLOOR")


def standing(fact: Fact) -> str:
    """Where a fact stands that no rule holds back."""
    if fact.asked_state in ("declined", "void", "pending", "approved"):
        return fact.asked_state
    return "approved"


def standing_of(fact: Fact, rule: Rule) -> tuple[str, datetime | None]:
    """State, and when approval comes by itself. Cancelled wins; then the caller's word; then the rule's."""
    if fact.order:
        if fact.order["is_cancelled"] or fact.order["is_refunded"]:
            return "void", None
        if not fact.order["is_awardable"] and fact.asked_state not in ("declined", "void", "approved"):
            return "pending", None
    if fact.asked_state:
        return ("pending" if fact.asked_state == "enrolled" else fact.asked_state), None
    if rule.approval == "by_hand":
        return "pending", None
    if rule.approval == "after_days":
        since = (fact.order or {}).get("awardable_at") or fact.occurred_at
        return "approved", since + timedelta(days=rule.approval_days)
    return "approved", None


def plain(number: Decimal | int) -> str:
    """A number as people write it: no exponent, no trailing zeros."""
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    return text.rstrip("0").rstrip(".") if "." in text else text
