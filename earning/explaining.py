"""A stored Decision in plain words: why points were given, or were not. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.stores.models import Store

PERIODS = {"day": "a day", "week": "a week", "month": "a month", "year": "a year", "ever": "in all"}
ROUNDINGS = {"ROUND_FLOOR": "rounded down", "ROUND_HALF_UP": "rounded to the nearest", "ROUND_CEILING": "rounded up"}


def headline(decision: Mapping[str, Any] | None, store: Store) -> str:
    """One line for a list: what came of it."""
    if not decision:
        return "Waiting to be applied"
    if decision["outcome"] == "no_rule":
        return f"No {store.points_name_plural}: there is no rule for this action"
    if decision["outcome"] == "refused":
        failed = [check for rule in decision["rules"] for check in rule["checks"] if not check["ok"]]
        return f"No {store.points_name_plural}: {lower(sentence(failed[0], store))}" if failed else "No points"
    return str(arithmetic(decision, store))


def explain(decision: Mapping[str, Any] | None, store: Store) -> list[str]:
    """Every step as a sentence, in the order it was taken."""
    if not decision:
        return ["This has been stored and will be applied within seconds."]
    if decision["outcome"] == "no_rule":
        return [
            "No earning rule of this store is for this action, so it was kept without "
            f"{store.points_name_plural}. Add a rule to reward it from now on."
        ]
    lines = []
    for rule in decision["rules"]:
        verdict = "paid" if rule["pays"] else "did not pay"
        lines.append(f"“{rule['name']}” (version {rule['version']}) {verdict}.")
        lines += [sentence(check, store) for check in rule["checks"]]
    if decision["outcome"] == "awarded":
        lines.append(arithmetic(decision, store))
        lines += afterwards(decision, store)
    return lines


def arithmetic(decision: Mapping[str, Any], store: Store) -> str:
    """ "29.99 EUR × 1 point = 29.99, rounded down to 29." """
    steps, points = decision["sum"], decision["points"]
    unit = store.points_name if points == "1" else store.points_name_plural
    if steps["kind"] == "per_unit":
        rate_unit = store.points_name if number(steps["rate"]) == "1" else store.points_name_plural
        text = (
            f"{number(steps['amount'])} {store.currency} × {number(steps['rate'])} {rate_unit} = {number(steps['raw'])}"
        )
    elif steps["kind"] == "asked":
        text = f"{number(steps['points'])} {unit}, as the caller asked"
    else:
        text = f"{number(steps['points'])} {unit}"
    if rounded := steps.get("rounded"):
        text += f", {ROUNDINGS[steps['rounding']]} to {rounded}"
    if capped := steps.get("capped"):
        text += f", capped to {capped} by the limit"
    return text + "."


def afterwards(decision: Mapping[str, Any], store: Store) -> list[str]:
    lines = []
    if kept := decision.get("kept"):
        lines.append(
            f"{number(kept['refunded'])} of {number(kept['total'])} {store.currency} was refunded, "
            f"so {kept['points']} of {decision['points']} remain."
        )
    state = decision.get("state")
    if state == "pending" and decision.get("approve_at"):
        lines.append(f"Pending until {day(decision['approve_at'], store)}, then approved by itself.")
    elif state == "pending":
        lines.append("Pending: it waits for approval.")
    elif state == "void":
        lines.append("Void: what it was given for was cancelled, refunded or taken back.")
    elif state == "declined":
        lines.append("Declined: nothing was given.")
    return lines


def sentence(check: Mapping[str, Any], store: Store) -> str:
    seen, want = check.get("seen"), check.get("want")
    match check["check"]:
        case "enabled":
            return "The rule is switched off."
        case "not_blocked":
            return "The customer is blocked."
        case "dates":
            return dates(check, store)
        case "tags_any":
            verb = "has one" if check["ok"] else "has none"
            return f"The customer {verb} of the tags {listed(want)} (tags: {listed(seen)})."
        case "tags_none":
            verb = "has none" if check["ok"] else "has one"
            has = "" if seen == want else f" (tags: {listed(seen)})"
            return f"The customer {verb} of the tags left out: {listed(want)}{has}."
        case "limit":
            return limit(check, store)
        case "minimum_order":
            compared = "reaches" if check["ok"] else "is below"
            return f"The order of {number(seen)} {store.currency} {compared} the minimum of {number(want)}."
        case "products" | "categories" as what:
            verb = "contains" if check["ok"] else "contains none of"
            return f"The order {verb} the {what} asked for: {listed(want)}."
        case "no_codes":
            return "The order has no discount code." if check["ok"] else f"The order used the code {listed(seen)}."
        case "birthday_known":
            known = "long enough before it" if check["ok"] else "less than 30 days before it"
            return f"The birthday was entered on {seen}, {known}."
        case "url":
            return "The address is the rule's." if check["ok"] else f"The address {seen} is not the rule's {want}."
        case "orders_total":
            return f"{number(seen)} of {number(want)} {store.currency} spent."
        case "orders_count":
            return f"{number(seen)} of {number(want)} orders placed."
        case other:
            return f"{other.replace('_', ' ').capitalize()}: {'yes' if check['ok'] else 'no'}."


def limit(check: Mapping[str, Any], store: Store) -> str:
    what = "times" if check["of"] == "count" else store.points_name_plural
    used = f"{check['seen']} of {check['want']} {what} {PERIODS[check['period']]} used before"
    return f"Limit: {used}." if check["ok"] else f"The limit is used up: {used}."


def dates(check: Mapping[str, Any], store: Store) -> str:
    parts = [f"from {day(check['from'], store)}"] if check.get("from") else []
    parts += [f"until {day(check['until'], store)}"] if check.get("until") else []
    verdict = "is inside" if check["ok"] else "is outside"
    return f"{day(check['seen'], store)} {verdict} the rule's dates ({' '.join(parts)})."


def day(text: str, store: Store) -> str:
    moment = store.local(datetime.fromisoformat(text))
    return f"{moment.day} {moment:%B %Y, %H:%M}"


def listed(words: object) -> str:
    return ", ".join(map(str, words)) if isinstance(words, list | tuple) and words else "none"


def number(text: object) -> str:
    """As people write it: no trailing zeros beyond cents."""
    whole, dot, rest = str(text).partition(".")
    rest = rest.rstrip("0")
    return f"{whole}{dot}{rest.ljust(2, '0') if len(rest) == 1 else rest}" if rest else whole


def lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
