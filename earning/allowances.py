"""What one customer may still earn now: the rules that are for them, with what is left of each limit."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from customers.models import Customer
from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.periods import period
from loyalty.stores.sets import run_set

from .engine import Fact, Person, Usage, circumstances
from .models import EarningRule
from .rulebook import snapshot
from .usage import COUNT


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rule that is open to the customer. `left` and `limit` are in `unit`, "count" or "points"; None: no limit."""

    rule: EarningRule
    unit: str = ""
    left: Decimal | None = None

    @property
    def is_used_up(self) -> bool:
        return self.left is not None and self.left <= 0


def for_customer(store: Store, customer: Customer | None) -> list[Allowance]:
    """In the merchant's order. Without a customer: what anybody who joins may earn."""
    now = clock.now()
    rules = list(store.rules.filter(is_enabled=True))
    used = used_now(store, customer, [rule for rule in rules if rule.limit], now) if customer else {}
    person = Person(customer.state, customer.tags) if customer else Person()
    return [allowance(rule, used.get(rule.pk, Usage())) for rule in rules if is_for(rule, person, now)]


def is_for(rule: EarningRule, person: Person, now: datetime) -> bool:
    """Whether its dates and tags fit; a limit that is used up is shown as such."""
    checks = circumstances(snapshot(rule), Fact(rule.action, now), person, None)
    return all(check["ok"] for check in checks if check["check"] != "limit")


def allowance(rule: EarningRule, used: Usage) -> Allowance:
    if not rule.limit or rule.limit_value is None:
        return Allowance(rule)
    so_far = Decimal(used.times) if rule.limit == "count" else used.points
    return Allowance(rule, rule.limit, max(rule.limit_value - so_far, Decimal(0)))


def used_now(store: Store, customer: Customer, rules: list[EarningRule], now: datetime) -> dict[int, Usage]:
    """What the customer has used in each limit's present period; one statement for all rules."""
    if not rules:
        return {}
    spans = [period(rule.limit_period, now, store.tz) for rule in rules]
    params = {
        "store": store.pk, "rules": [rule.pk for rule in rules], "starts": [start for start, _ in spans],
        "ends": [end for _, end in spans], "customers": [customer.pk] * len(rules),
        "periods": list(range(1, len(rules) + 1)),
    }  # fmt: skip
    return {rules[position - 1].pk: Usage(times, points) for _, position, times, points in run_set(COUNT, params)}
