"""A Verdict in plain words: why a reward could be taken, or could not. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.stores.models import Store
from loyalty.stores.numbers import number, points

from .offers import Check, Verdict

PERIODS = {"day": "a day", "week": "a week", "month": "a month", "year": "a year", "ever": "in all"}


def refusal(verdict: Verdict, store: Store) -> str:
    """The first condition that failed, as a sentence; "" when none did."""
    return sentence(verdict.failed, store) if verdict.failed else ""


def explain(decision: Mapping[str, Any], store: Store) -> list[str]:
    """A redemption's stored decision, a sentence for each condition that was looked at."""
    return [sentence(check, store) for check in decision.get("checks", [])]


def sentence(check: Check, store: Store) -> str:
    return SENTENCES[check["check"]](check, store)


def enabled(check: Check, store: Store) -> str:
    return "The reward is switched on." if check["ok"] else "The reward is switched off."


def not_blocked(check: Check, store: Store) -> str:
    return "The customer is not blocked." if check["ok"] else "The customer is blocked."


def member(check: Check, store: Store) -> str:
    return "The customer has joined." if check["ok"] else "Only customers who have joined may take rewards."


def dates(check: Check, store: Store) -> str:
    if check["ok"]:
        return "The reward is on offer at this time."
    if check["from"] and check["seen"] < check["from"]:
        return f"The reward is on offer from {day(check['from'], store)}."
    return f"The reward was on offer until {day(check['until'], store)}."


def tags_any(check: Check, store: Store) -> str:
    verb = "has" if check["ok"] else "has none"
    return f"It is for customers with the tag {' or '.join(check['want'])}; this one {verb}."


def tags_none(check: Check, store: Store) -> str:
    verb = "has none" if check["ok"] else "has one"
    return f"It is not for customers with the tag {' or '.join(check['want'])}; this one {verb}."


def amount(check: Check, store: Store) -> str:
    least, most = check["want"]
    if check["ok"]:
        return f"{check['seen']} steps, within {least} to {most}."
    return f"Choose {least} to {most} steps; {check['seen']} were asked." if most > 1 else "It is taken one at a time."


def customer_limit(check: Check, store: Store) -> str:
    return f"Taken {check['seen']} of {times(check)} by this customer."


def total_limit(check: Check, store: Store) -> str:
    return f"Taken {check['seen']} of {times(check)} by all customers."


def times(check: Check) -> str:
    return f"{check['want']} {'time' if check['want'] == 1 else 'times'} {PERIODS[check['period']]}"


def balance(check: Check, store: Store) -> str:
    seen, want = Decimal(check["seen"]), Decimal(check["want"])
    cost = f"It costs {points(want, store)}; the balance is {number(seen, store)}"
    return f"{cost}." if check["ok"] else f"{cost}, so {number(want - seen, store)} more are needed."


def codes(check: Check, store: Store) -> str:
    return "A code is there." if check["ok"] else "It is sold out: no code is left."


def day(moment: str, store: Store) -> str:
    return f"{store.local(datetime.fromisoformat(moment)):%-d %B %Y}"


SENTENCES = {
    "enabled": enabled, "not_blocked": not_blocked, "member": member, "dates": dates, "tags_any": tags_any,
    "tags_none": tags_none, "amount": amount, "customer_limit": customer_limit, "total_limit": total_limit,
    "balance": balance, "codes": codes,
}  # fmt: skip
