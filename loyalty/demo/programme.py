"""The demo store's earning rules and rewards, one of most kinds."""

import random
from decimal import Decimal

from earning import rules
from earning.models import EarningRule
from integrations.models import EventSchema
from loyalty.stores.models import Store
from spending import coupon_imports, coupon_steps, rewarding
from spending.models import CodePool

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

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


# Kind, points, settings, then Reward's fields.
REWARDS: list[tuple[str, int, dict, dict]] = [
    ("fixed_amount", 400, {"value": "5"}, {
        "name": "5 euros off", "text": "For your next order of 20 euros or more.", "minimum_order": Decimal(20),
        "code_source": "pool", "validity": "months", "validity_count": 6}),
    ("free_shipping", 250, {}, {
        "name": "Free shipping", "text": "The next parcel is on us.", "code_source": "generated",
        "code_prefix": "SHIP-", "validity": "months", "validity_count": 3}),
    ("percentage", 600, {"value": "10"}, {
        "name": "10% off everything", "text": "Once a month, on anything in the shop.", "code_source": "generated",
        "code_prefix": "TEN-", "validity": "days", "validity_count": 60, "customer_limit": 1,
        "customer_limit_period": "month", "tags_none": ["wholesale"]}),
    ("free_product", 700, {"product_id": "101", "product_name": "House blend, 250 g", "product_value": "9.50"}, {
        "name": "A bag of our house blend", "text": "250 g, roasted this week.", "icon": "package",
        "code_source": "generated", "code_prefix": "BAG-", "validity": "months", "validity_count": 3}),
    ("variable_amount", 100, {"value": "1", "minimum_steps": "3", "maximum_steps": "20"}, {
        "name": "As much off as you like", "text": "A euro for every 100 points, from 3 to 20 euros.", "icon": "coins",
        "code_source": "generated", "code_prefix": "HC-", "validity": "months", "validity_count": 3}),
    ("custom", 900, {"thanks": "We will write to you within two days to find an evening."}, {
        "name": "Latte art evening", "text": "Two hours at our roastery in the harbour.", "icon": "heart",
        "code_source": "none", "total_limit": 8, "total_limit_period": "month"}),
    ("gift_code", 1000, {"value": "15"}, {
        "name": "Cinema voucher", "text": "For the little cinema next door.", "icon": "star", "code_source": "pool"}),
]  # fmt: skip
CODES = {"5 euros off": ("FIVE", 400), "Cinema voucher": ("CINEMA", 20)}  # the lists that were uploaded; one runs low


def set_up(store: Store, actor: str) -> dict[str, EarningRule]:
    """The rules by their action, and the event that the app declares before it sends it."""
    made = [make(store, kind, points, actor, values) for kind, points, values in RULES]
    for reward in REWARDS:
        offer(store, actor, *reward)
    EventSchema.objects.create(store=store, event_type=CUSTOM_EVENT, name="App opened")
    return {rule.action: rule for rule in made}


def make(store: Store, kind: str, points: int, actor: str, values: dict) -> EarningRule:
    settings = rules.clean_settings(kind, values.get("settings", {}))
    return rules.create(store, kind, actor=actor, points=Decimal(points), **values | {"settings": settings})


def offer(store: Store, actor: str, kind: str, points: int, settings: dict, values: dict) -> None:
    settings = rewarding.clean_settings(kind, settings)
    reward = rewarding.create(store, kind, actor=actor, points=Decimal(points), settings=settings, **values)
    if reward.pool:
        upload(store, reward.pool, actor, *CODES[reward.name])


def upload(store: Store, pool: CodePool, actor: str, prefix: str, count: int) -> None:
    """A file of codes, checked and imported as a person would."""
    rng = random.Random(prefix)  # noqa: S311 - invents, guards nothing
    codes = {f"{prefix}-{''.join(rng.choices(LETTERS, k=8))}" for _ in range(count)}
    file = "\r\n".join(["code", *sorted(codes)]).encode()
    row = coupon_imports.start(store, pool, [file], f"{prefix.lower()}.csv", actor)
    coupon_steps.work(store.pk)
    coupon_imports.confirm(row)
    coupon_steps.work(store.pk)
