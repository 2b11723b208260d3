"""What the panel shows, as plain texts and numbers: the browser only lays them out."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, Wallet
from earning import allowances, phrases
from earning.allowances import Allowance
from loyalty.stores.models import Store
from loyalty.stores.numbers import money, number, points
from spending import catalogue, offers
from spending.models import Redemption, Reward

from .models import Widget

CODES = 50
CHOICES = 12  # of an amount of their choice
NOT_FOR_THEM = {"not_enabled", "not_active", "not_eligible"}


def day(moment: datetime, store: Store) -> str:
    return store.local(moment).strftime("%-d %b %Y")


# --- Home ---------------------------------------------------------------------------------------


def home(store: Store, widget: Widget, customer: Customer | None) -> dict[str, Any]:
    """The first look: balance, next reward, ways to earn, rewards."""
    shown: dict[str, Any] = {"member": None, "earn": [], "rewards": []}
    hidden = set(widget.hidden_sections)
    balance = Decimal(0)
    if customer:
        wallet = store.wallets.get(customer=customer, unit="points")
        balance = wallet.balance
        shown["member"] = member(store, customer, wallet)
    if "earn" not in hidden:
        shown["earn"] = [way(one, store) for one in allowances.for_customer(store, customer)]
    if "rewards" not in hidden:
        shown["rewards"] = rewards_for(store, customer, balance)
    return shown


def member(store: Store, customer: Customer, wallet: Wallet) -> dict[str, Any]:
    return {
        "state": customer.state,
        "balance": number(wallet.balance, store),
        "unit": store.points_unit(wallet.balance),
        "balance_text": points(wallet.balance, store),
        "is_debt": wallet.balance < 0,
        "pending": points(wallet.pending, store) if wallet.pending > 0 else "",
        "birthday": f"{customer.birthday:%-d %B}" if customer.birthday else "",
    }


def way(one: Allowance, store: Store) -> dict[str, Any]:
    """A way to earn. What is left of its limit is in numbers, the words are the merchant's."""
    rule = one.rule
    shown = {
        "name": rule.name, "text": rule.text, "icon": rule.icon, "gives": phrases.gives(rule, store),
        "url": str(rule.settings.get("url") or ""), "is_done": one.is_used_up, "period": "", "left": "", "limit": "",
    }  # fmt: skip
    is_plainly_once = rule.limit_period == "ever" and rule.limit_value == 1 and not one.is_used_up
    if one.left is not None and not is_plainly_once:
        in_points = one.unit == "points"
        shown["period"] = rule.limit_period
        shown["left"] = number(one.left, store)
        shown["limit"] = points(rule.limit_value, store) if in_points else number(rule.limit_value, store)
    return shown


# --- Rewards ------------------------------------------------------------------------------------


def rewards_for(store: Store, customer: Customer | None, balance: Decimal) -> list[dict[str, Any]]:
    rewards = store.rewards.filter(is_enabled=True).select_related("image")
    if customer is None:
        return [reward_row(reward, store) for reward in rewards if is_for_all(reward)]
    offered = catalogue.offered(store, customer, rewards)
    return [
        reward_row(one.reward, store) | standing(one.verdict, one.reward, store, balance)
        for one in offered
        if one.verdict.code not in NOT_FOR_THEM
    ]


def is_for_all(reward: Reward) -> bool:
    now = timezone.now()
    is_now = (not reward.active_from or reward.active_from <= now) and (
        not reward.active_until or now <= reward.active_until
    )
    return is_now and not reward.tags_any


def reward_row(reward: Reward, store: Store) -> dict[str, Any]:
    kind = reward.reward_kind
    least, _ = kind.bounds(reward.settings)
    cost = kind.cost(reward.points, reward.settings, least)
    return {
        "id": str(reward.public_id), "name": reward.name, "text": reward.text, "icon": reward.icon,
        "image": reverse("reward_image", args=[store.slug, reward.image.public_id]) if reward.image else "",
        "gives": kind.gives(reward.settings, store.currency, least),
        "cost": points(cost, store),
        "minimum_order": money(reward.minimum_order, store.currency) if reward.minimum_order else "",
        "refusal": "guest", "missing": "", "share": 0, "choices": [],
    }  # fmt: skip


def standing(verdict: offers.Verdict, reward: Reward, store: Store, balance: Decimal) -> dict[str, Any]:
    """Whether this member may take it now; if only points are missing, how many."""
    missing = max(verdict.cost - balance, Decimal(0))
    share = min(max(balance, Decimal(0)) / verdict.cost, Decimal(1)) if verdict.cost else Decimal(1)
    return {
        "refusal": verdict.code, "missing": points(missing, store) if missing else "", "share": int(share * 100),
        "choices": choices(reward, store, balance) if reward.reward_kind.takes_multiplier and verdict.is_ok else [],
    }  # fmt: skip


def choices(reward: Reward, store: Store, balance: Decimal) -> list[dict[str, Any]]:
    """Amounts to choose from, evenly spread up to all that the balance pays for."""
    kind, most = reward.reward_kind, offers.affordable(reward, balance)
    least, _ = kind.bounds(reward.settings)
    apart = max(1, -(-(most - least) // (CHOICES - 1)))
    steps = sorted({*range(least, most + 1, apart), most})
    return [
        {
            "multiplier": step,
            "gives": kind.gives(reward.settings, store.currency, step),
            "cost": points(kind.cost(reward.points, reward.settings, step), store),
        }
        for step in steps
    ]


# --- What they took ------------------------------------------------------------------


def codes(store: Store, customer: Customer, *, all_codes: bool, own_source: str) -> list[dict[str, Any]]:
    """Rewards taken, newest first. Without `all_codes` only the codes that this way of looking took itself."""
    rows = store.redemptions.filter(customer=customer).select_related("reward").order_by("-id")[:CODES]
    return [code_row(row, store, is_shown=all_codes or row.source == own_source) for row in rows]


def code_row(row: Redemption, store: Store, *, is_shown: bool = True) -> dict[str, Any]:
    reward = row.reward
    return {
        "redemption_id": str(row.public_id), "reward_id": str(reward.public_id), "reward": reward.name,
        "gives": reward.reward_kind.gives(reward.settings, store.currency, row.multiplier),
        "coupon_code": row.code if is_shown else "", "is_hidden": bool(row.code) and not is_shown,
        "state": row.state, "points": points(row.points, store), "taken": day(row.issued_at, store),
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        "until": day(last_moment(row.expires_at), store) if row.expires_at else "",
        "thanks": str(reward.settings.get("thanks") or ""),
    }  # fmt: skip


def last_moment(end: datetime) -> datetime:
    """A code that ends at midnight is good until the day before."""
    return end - timedelta(microseconds=1)
