"""The demo store's earning rules, one of most kinds."""

from decimal import Decimal

from earning import rules
from earning.models import EarningRule
from integrations.models import EventSchema
from loyalty.stores.models import Store

ONCE = {"limit": "count", "limit_value": Decimal(1), "limit_period": "ever"}

# Kind, points, then EarningRule's fields. These three custom actions pay at once: the README calls them.
CUSTOM_ACTION, CUSTOM_RULE, CUSTOM_EVENT = "own_cup", "demo_action", "app_login"
RULES: list[tuple[str, int, dict]] = [
    ("purchase", 1, {"name": "Buy coffee", "text": "A point for each euro.", "icon": "shopping-cart",
                     "tags_none": ["wholesale"]}),
    ("sign_up", 250, {"name": "Join the club", "icon": "user-plus", **ONCE}),
    ("birthday", 200, {"name": "Happy birthday", "icon": "cake"}),
    ("anniversary", 100, {"name": "A year together", "icon": "calendar"}),
    ("goal_orders", 300, {"name": "Five orders", "icon": "package", "settings": {"goal": 5}, **ONCE}),
    ("review", 300, {"name": "Review a coffee", "icon": "message-star", "approval": "by_hand", "limit": "count",
                     "limit_value": Decimal(2), "limit_period": "month"}),
    ("newsletter_signup", 50, {"name": "Read our letters", "icon": "mail", **ONCE}),
    ("instagram_follow", 50, {"name": "Follow us on Instagram", "icon": "brand-instagram",
                              "settings": {"url": "https://instagram.example/harbour.coffee"}, **ONCE}),
    ("clickthrough", 15, {"name": "Read the brewing guide", "icon": "book", "is_enabled": False,
                          "settings": {"url": "https://harbour-coffee.example/brewing"}, **ONCE}),
    ("custom", 25, {"name": "Bring your own cup", "icon": "heart", "identifier": CUSTOM_ACTION}),
    ("custom", 75, {"name": "Finish the coffee quiz", "icon": "bulb", "identifier": CUSTOM_RULE}),
    ("custom", 10, {"name": "Open the app", "icon": "login", "identifier": CUSTOM_EVENT}),
]  # fmt: skip


def set_up(store: Store, actor: str) -> dict[str, EarningRule]:
    """The rules by their action, and the event that the app declares before it sends it."""
    made = [make(store, kind, points, actor, values) for kind, points, values in RULES]
    EventSchema.objects.create(store=store, event_type=CUSTOM_EVENT, name="App opened")
    return {rule.action: rule for rule in made}


def make(store: Store, kind: str, points: int, actor: str, values: dict) -> EarningRule:
    settings = rules.clean_settings(kind, values.get("settings", {}))
    return rules.create(store, kind, actor=actor, points=Decimal(points), **values | {"settings": settings})
