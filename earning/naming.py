"""What callers call an action: a kind's own word, or a custom action by identifier or ActionID."""

from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .actions import KINDS
from .rules import by_action_id

# These follow from orders and dates; told by a caller they would pay twice.
OURS = {"purchase", "goal_spend", "goal_orders", "birthday", "anniversary"}
TOLD = [key for key in KINDS if key not in OURS and key != "custom"]
MAX_KNOWN = 10_000

# A custom action keeps its identifier and its ActionID for ever, so what was found once stays true.
_known: dict[tuple[int, str], str] = {}


class UnknownAction(ValueError):
    """The message says what to send instead."""


def told_action(store: Store, word: str) -> str:
    """The action that a caller may report."""
    if word in OURS:
        raise UnknownAction(f"“{word}” follows from orders and dates and is not reported by callers.")
    return action_named(store, word)


def action_named(store: Store, word: str) -> str:
    """The action that facts are stored under. Asks the database once per process and custom action."""
    if word in KINDS and word != "custom":
        return word
    name = store.pk, word
    if name not in _known:
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[name] = look_up(store, word)
    return _known[name]


def known_action(store_id: int, word: str) -> str | None:
    """The action that a caller may report, if no database is needed to say so."""
    if word in OURS or word == "custom":
        return None
    return word if word in KINDS else _known.get((store_id, word))


def look_up(store: Store, word: str) -> str:
    with acting_for(store.pk):
        rule = by_action_id(store, word.removeprefix("custom:"))
    if rule is None:
        raise UnknownAction(
            f"This store has no action “{word}”. Send the identifier or the ActionID of a custom action, or one of "
            f"{', '.join(TOLD)}."
        )
    return rule.action
