"""Rules in plain words, what differs between two states of one, and where facts came from."""

from collections.abc import Callable

from loyalty.stores.models import Store
from loyalty.stores.numbers import number, points

from .models import EarningRule

SOURCES = {
    "api": "by API", "dashboard": "from a person here", "order": "with the order", "goal": "with the orders",
    "calendar": "from the calendar", "widget": "in the widget", "support": "from a person here",
}  # fmt: skip
ALWAYS, EVERYONE, NO_LIMIT, NONE = "Always", "Everyone", "No limit", "None"


def came(source: str) -> str:
    """Where an activity came from, in words. A connection's is its dialect."""
    return SOURCES.get(source, f"by {source}")


def gives(rule: EarningRule, store: Store) -> str:
    """ "1 point for each EUR spent"."""
    unit = store.points_unit(rule.points)
    return rule.action_kind.gives(number(rule.points, store), rule.settings, unit, store.currency)


def limit(rule: EarningRule, store: Store) -> str:
    """ "5 times a day", "Once per customer", "500 points a month"."""
    if not rule.limit or rule.limit_value is None:
        return NO_LIMIT
    period = "per customer" if rule.limit_period == "ever" else rule.get_limit_period_display()
    if rule.limit == "points":
        return f"{points(rule.limit_value, store)} {period}"
    times = "Once" if rule.limit_value == 1 else f"{number(rule.limit_value, store)} times"
    return f"{times} {period}"


def approval(rule: EarningRule, store: Store) -> str:
    if rule.approval == "after_days":
        return "After 1 day" if rule.approval_days == 1 else f"After {rule.approval_days} days"
    return rule.get_approval_display()


def who(rule: EarningRule, store: Store) -> str:
    parts = [f"tagged {' or '.join(rule.tags_any)}"] if rule.tags_any else []
    parts += [f"not tagged {' or '.join(rule.tags_none)}"] if rule.tags_none else []
    return f"Customers {' and '.join(parts)}" if parts else EVERYONE


def dates(rule: EarningRule, store: Store) -> str:
    parts = [f"{word} {store.local(moment):%-d %b %Y, %H:%M}"
             for word, moment in (("from", rule.active_from), ("until", rule.active_until)) if moment]  # fmt: skip
    return " ".join(parts).capitalize() if parts else ALWAYS


def email(rule: EarningRule, store: Store) -> str:
    return f"{rule.email_subject}: {rule.email_text}" if rule.email_text else NONE


ASPECTS: list[tuple[str, Callable[[EarningRule, Store], str]]] = [
    ("Name", lambda rule, store: rule.name),
    ("Gives", gives),
    ("Text for shoppers", lambda rule, store: rule.text or NONE),
    ("Icon", lambda rule, store: rule.icon),
    ("Limit", limit),
    ("Counts", approval),
    ("For", who),
    ("Runs", dates),
    ("E-mail", email),
]


def differences(before: EarningRule, after: EarningRule, store: Store) -> list[tuple[str, str, str]]:
    """What a save would change: (what, now, after)."""
    told = [(label, tell(before, store), tell(after, store)) for label, tell in ASPECTS]
    was, becomes = settings_in_words(before), settings_in_words(after)
    told += [(label, was.get(label, NONE), text) for label, text in becomes.items()]
    return [line for line in told if line[1] != line[2]]


def settings_in_words(rule: EarningRule) -> dict[str, str]:
    """The kind's own settings by their labels."""
    form = rule.action_kind.Settings()
    labels = {name: str(form[name].label) for name in form.fields}
    return {labels[name]: setting_in_words(field, rule.settings.get(name)) for name, field in form.fields.items()}


def setting_in_words(field, value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value in (None, ""):
        return NONE
    return str(dict(getattr(field, "choices", [])).get(value, value))
