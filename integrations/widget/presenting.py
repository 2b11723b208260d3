"""What the panel shows, as plain texts and numbers: the browser only lays them out."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, LedgerEntry, Wallet
from earning import allowances, explaining, phrases
from earning.allowances import Allowance
from loyalty.stores.models import Store
from loyalty.stores.numbers import money, number, points, signed
from spending import offers, redemptions
from spending.models import Redemption, Reward

from .models import Widget

PAGE = 20
CODES = 50
CHOICES = 12  # of an amount of their choice
NOT_FOR_THEM = {"not_enabled", "not_active", "not_eligible"}
ACTIVITY = re.compile(r"activity:(\d+)")


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
    offered = redemptions.offered(store, customer, rewards)
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


# --- What they took and what moved ------------------------------------------------------------------


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


def history(store: Store, customer: Customer, before: int | None) -> dict[str, Any]:
    """A page of the statement, newest first, each line with its reason."""
    wallet = store.wallets.get(customer=customer, unit="points")
    entries = wallet.entries.filter(store=store).order_by("-seq")
    if before is not None:
        entries = entries.filter(seq__lt=before)
    page = list(entries[: PAGE + 1])
    whys = decisions_behind(store, page[:PAGE])
    return {
        "lines": [line(entry, store, whys.get(entry.source)) for entry in page[:PAGE]],
        "before": page[PAGE - 1].seq if len(page) > PAGE else None,
    }


def decisions_behind(store: Store, entries: list[LedgerEntry]) -> dict[str, Any]:
    ids = [int(found[1]) for entry in entries if (found := ACTIVITY.fullmatch(entry.source))]
    rows = store.activities.filter(pk__in=ids).values_list("pk", "decision")
    return {f"activity:{pk}": decision for pk, decision in rows}


def line(entry: LedgerEntry, store: Store, decision: Any) -> dict[str, Any]:
    is_waiting = entry.points == 0
    is_first = entry.revision == 1 and entry.kind == LedgerEntry.Kind.EARN
    return {
        "what": entry.reason or entry.get_kind_display(),
        "why": sum_of(decision, store) if is_first else "",
        "points": signed(entry.pending if is_waiting else entry.points, store),
        "is_waiting": is_waiting,
        "is_plus": (entry.pending if is_waiting else entry.points) > 0,
        "on": day(entry.effective_at if entry.revision == 1 else entry.created_at, store),
        "after": points(entry.balance_after, store),
    }


def sum_of(decision: Any, store: Store) -> str:
    """How the points came about, where there is more to it than their number."""
    steps = (decision or {}).get("sum") or {}
    return explaining.headline(decision, store) if steps.get("kind") == "per_unit" or "capped" in steps else ""
