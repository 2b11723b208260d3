"""What the preview shows: the store's own programme, as far as there is one, and a member that nobody is."""

from decimal import Decimal
from typing import Any

from loyalty.stores.models import Store
from loyalty.stores.numbers import points, signed

from . import presenting
from .models import Widget


def invented(store: Store) -> dict[str, Any]:
    """What the panel's calls would answer, by their names."""
    home = presenting.home(store, Widget(store=store), None)
    home["earn"] = home["earn"] or [way("Make a purchase", "shopping-cart", 1, store), way("Review", "star", 50, store)]
    home["rewards"] = home["rewards"] or [reward("5 off", 500, store), reward("Free shipping", 800, store)]
    home["member"] = member(store)
    for one in home["rewards"][:1]:
        one |= {"refusal": ""}
    for one in home["rewards"][1:]:
        one |= {"refusal": "insufficient_points", "missing": points(160, store), "share": 80}
    lines = [line(home["earn"][0]["name"], 40, store), line(home["rewards"][0]["name"], -500, store)]
    return {
        "home": home, "codes": [code(home["rewards"][0]["name"], store)], "history": {"lines": lines, "before": None}
    }  # fmt: skip


def member(store: Store) -> dict[str, Any]:
    return {
        "state": "enrolled", "balance": "640", "unit": store.points_name_plural, "balance_text": points(640, store),
        "is_debt": False, "pending": points(25, store), "birthday": "",
    }  # fmt: skip


def way(name: str, icon: str, gives: int, store: Store) -> dict[str, Any]:
    return {
        "name": name, "text": "", "icon": icon, "gives": points(gives, store), "url": "", "is_done": False,
        "period": "", "left": "", "limit": "",
    }  # fmt: skip


def reward(name: str, cost: int, store: Store) -> dict[str, Any]:
    return {
        "id": name, "name": name, "text": "", "icon": "gift", "image": "", "gives": name, "choices": [],
        "cost": points(cost, store), "minimum_order": "", "missing": "", "share": 100,
    }  # fmt: skip


def code(name: str, store: Store) -> dict[str, Any]:
    return {
        "redemption_id": "1", "reward_id": "1", "reward": name, "gives": "", "is_hidden": False, "until": "",
        "coupon_code": "THANKS-2R7K", "state": "issued", "points": points(500, store), "taken": "3 May 2026",
    }  # fmt: skip


def line(what: str, moved: int, store: Store) -> dict[str, Any]:
    return {"what": what, "why": "", "points": signed(Decimal(moved), store), "is_plus": moved > 0, "on": "3 May 2026"}
