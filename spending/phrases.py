"""A reward in plain words, and what differs between two states of one."""

from collections.abc import Callable

from loyalty.stores.models import Store
from loyalty.stores.numbers import money, points

from .models import Reward

ALWAYS, EVERYONE, NO_LIMIT, NONE, FOREVER = "Always", "Everyone", "No limit", "None", "Does not expire"
UNITS = {"days": "day", "weeks": "week", "months": "month"}


def gives(reward: Reward, store: Store) -> str:
    """ "5 EUR off"; of an amount of their choice "1 EUR off to 20 EUR off"."""
    kind, settings = reward.reward_kind, reward.settings
    if not says_itself(reward):
        return reward.name
    if not kind.takes_multiplier:
        return kind.gives(settings, store.currency)
    least, most = kind.bounds(settings)
    start = kind.gives(settings, store.currency, least)
    if not settings.get("maximum_steps"):
        return f"{start} or more"
    return start if least == most else f"{start} to {kind.gives(settings, store.currency, most)}"


def says_itself(reward: Reward) -> bool:
    """Whether the settings say what one gets; else only the merchant's name for it does."""
    kind, settings = reward.reward_kind, reward.settings
    return kind.discount(settings, 1) is not None or kind.value(settings, 1) is not None


def cost(reward: Reward, store: Store) -> str:
    """ "500 points"; of an amount of their choice "100 points for each 1 EUR off"."""
    if not reward.reward_kind.takes_multiplier:
        return points(reward.points, store)
    return f"{points(reward.points, store)} for each {reward.reward_kind.gives(reward.settings, store.currency)}"


def order(reward: Reward, store: Store) -> str:
    return f"On orders from {money(reward.minimum_order, store.currency)}" if reward.minimum_order else "On any order"


def validity(reward: Reward, store: Store) -> str:
    """How long the code can be used: "30 days", "Until 5 Dec 2026"."""
    if reward.validity == "date" and reward.validity_until:
        return f"Until {reward.validity_until:%-d %b %Y}"
    if reward.validity in UNITS and reward.validity_count:
        unit = UNITS[reward.validity]
        return f"{reward.validity_count} {unit}{'' if reward.validity_count == 1 else 's'}"
    return FOREVER


def limit(reward: Reward, store: Store) -> str:
    """ "Once per customer a month, 100 in all"."""
    parts = []
    if reward.customer_limit:
        often = "once" if reward.customer_limit == 1 else f"{reward.customer_limit:,} times"
        period = "" if reward.customer_limit_period == "ever" else f" {reward.get_customer_limit_period_display()}"
        parts.append(f"{often} per customer{period}")
    if reward.total_limit:
        period = "in all" if reward.total_limit_period == "ever" else reward.get_total_limit_period_display()
        parts.append(f"{reward.total_limit:,} {period}")
    return upper_first(", ".join(parts)) or NO_LIMIT


def codes(reward: Reward, store: Store) -> str:
    source = reward.get_code_source_display()
    if reward.code_source == Reward.CodeSource.POOL:
        return f"From the list “{reward.pool or reward.name}”"
    if reward.code_source == Reward.CodeSource.GENERATED and reward.code_prefix:
        return f"{source}, beginning with {reward.code_prefix}"
    return source


def who(reward: Reward, store: Store) -> str:
    parts = [f"tagged {' or '.join(reward.tags_any)}"] if reward.tags_any else []
    parts += [f"not tagged {' or '.join(reward.tags_none)}"] if reward.tags_none else []
    return f"Customers {' and '.join(parts)}" if parts else EVERYONE


def dates(reward: Reward, store: Store) -> str:
    parts = [f"{word} {store.local(moment):%-d %b %Y, %H:%M}"
             for word, moment in (("from", reward.active_from), ("until", reward.active_until)) if moment]  # fmt: skip
    return upper_first(" ".join(parts)) or ALWAYS


def picture(reward: Reward, store: Store) -> str:
    return f"Picture of {reward.image.created_at:%-d %b %Y, %H:%M:%S}" if reward.image else f"Icon “{reward.icon}”"


def email(reward: Reward, store: Store) -> str:
    return f"{reward.email_subject}: {reward.email_text}" if reward.email_text else NONE


def sentence(reward: Reward, store: Store) -> str:
    """All that matters of a reward, in one sentence."""
    kind = reward.reward_kind
    spent = f"{points(reward.points, store)} for each step" if kind.takes_multiplier else points(reward.points, store)
    got = gives(reward, store)
    got = lower_first(got) if says_itself(reward) else f"“{got}”"
    subject = "Customers" if who(reward, store) == EVERYONE else who(reward, store)
    text = f"{subject} spend {spent} and get {got}"
    if kind.has_minimum_order and reward.minimum_order:
        text += f" an order of at least {money(reward.minimum_order, store.currency)}"
    if limited := limit(reward, store).replace(NO_LIMIT, ""):
        text += f", {lower_first(limited)}"
    if reward.active_from or reward.active_until:
        text += f", {lower_first(dates(reward, store))}"
    return f"{text}. {promise(reward, store)}"


def promise(reward: Reward, store: Store) -> str:
    """What is said of the code, after what it gives."""
    if reward.code_source == Reward.CodeSource.NONE:
        return "You hand it over; there is no code."
    lasts = validity(reward, store)
    if lasts == FOREVER:
        return "Their code does not expire."
    return f"Their code is good {'until' if reward.validity == 'date' else 'for'} {lasts.removeprefix('Until ')}."


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


ASPECTS: list[tuple[str, Callable[[Reward, Store], str]]] = [
    ("Name", lambda reward, store: reward.name),
    ("Gives", gives),
    ("Costs", cost),
    ("Order", order),
    ("Codes", codes),
    ("Code is good for", validity),
    ("Limit", limit),
    ("For", who),
    ("On offer", dates),
    ("Text for shoppers", lambda reward, store: reward.text or NONE),
    ("Picture", picture),
    ("E-mail", email),
]


def differences(before: Reward, after: Reward, store: Store) -> list[tuple[str, str, str]]:
    """What a save would change: (what, now, after)."""
    told = [(label, tell(before, store), tell(after, store)) for label, tell in ASPECTS]
    was, becomes = settings_in_words(before), settings_in_words(after)
    told += [(label, was.get(label, NONE), text) for label, text in becomes.items()]
    return [line for line in told if line[1] != line[2]]


def settings_in_words(reward: Reward) -> dict[str, str]:
    """The kind's own settings by their labels."""
    form = reward.reward_kind.Settings()
    labels = {name: str(form[name].label) for name in form.fields}
    return {labels[name]: setting_in_words(field, reward.settings.get(name)) for name, field in form.fields.items()}


def setting_in_words(field, value: object) -> str:
    if value in (None, ""):
        return NONE
    return str(dict(getattr(field, "choices", [])).get(value, value))
