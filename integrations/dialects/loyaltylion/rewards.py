"""Rewards and claims in this wire's form."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.utils import timezone

from integrations.models import Connection
from spending.models import Redemption, Reward
from spending.offers import end_of
from spending.rewards import money

from . import shapes
from .shapes import moment

State = Redemption.State
UNITS = {"days": timedelta(days=1), "weeks": timedelta(weeks=1), "months": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Form:
    """What this wire calls a kind of reward. `amount`: the setting that tells how much it takes off."""

    kind: str
    discount_type: str
    amount: str = ""
    method: str = "voucher"
    target: str = "all"


FORMS = {
    "fixed_amount": Form("cart_discount_voucher", "flat", "value"),
    "percentage": Form("cart_discount_voucher", "percentage", "value"),
    "variable_amount": Form("cart_discount_voucher", "flat", "value"),
    "free_shipping": Form("free_shipping_voucher", "custom", target="shipping"),
    "free_product": Form("product_discount_voucher", "custom", target="product"),
    "gift_code": Form("gift_card", "flat", "value", method="gift_card"),
    "custom": Form("custom", "custom", method="store_fulfilment"),
}


def form_of(reward: Reward) -> Form:
    """A kind that this wire has no word for is something that the merchant hands over."""
    return FORMS.get(reward.kind, FORMS["custom"])


def number(value: Decimal | None) -> int | float | None:
    """A JSON number: this wire has no text for these amounts."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def cost(points: Decimal) -> int:
    return int(points.to_integral_value(ROUND_CEILING))


def shown(rewards: Iterable[Reward], connection: Connection) -> list[dict[str, Any]]:
    """In the merchant's order, counted from 1."""
    site = shapes.site(connection)
    return [reward(row, site) for row in sorted(rewards, key=lambda row: (row.position, row.pk))]


def reward(row: Reward, site: dict[str, Any]) -> dict[str, Any]:
    form, settings = form_of(row), row.settings
    least, most = row.reward_kind.bounds(settings)
    return {
        "id": row.pk,
        "title": row.name,
        "description": row.text or None,
        "content": {},
        "point_cost": cost(row.points),
        "sort_key": row.position + 1,
        "usage_limit": 1,
        "min_redemption_amount": least,
        "max_redemption_amount": most,
        "kind": form.kind,
        "method": form.method,
        "supported_channels": ["web", "pos", "mobile"],
        "discount_type": form.discount_type,
        "discount_amount": number(money(settings.get(form.amount))) if form.amount else None,
        "minimum_spend": number(row.minimum_order),
        "max_free_shipping": number(money(settings.get("maximum"))) if row.kind == "free_shipping" else None,
        "site_id": site["id"],
        "target_site": {name: site[name] for name in ("id", "name", "url")},
        "order_type": "all",
        "target_type": form.target,
        "target_collections": [],
        "target_products": [product(settings)] if form.target == "product" else [],
        "session_options": None,
        "auto_refund_seconds": None,
        "recurring_cycle_limit": None,
        "expiry_options": {"kind": "does_not_expire", "seconds": None},
        "redeemable_expiry_options": expiry(row),
    }


def product(settings: dict[str, Any]) -> dict[str, Any]:
    """We know one id of it, which stands for the variant too."""
    product_id = settings.get("product_id") or ""
    return {
        "id": product_id,
        "variant_id": product_id,
        "sku": None,
        "url": None,
        "image_url": None,
        "title": settings.get("product_name") or "",
        "sort_key": 1,
        "handle": None,
        "inventory_count": None,
    }


def expiry(row: Reward) -> dict[str, Any]:
    """How long a code is good for."""
    seconds = None
    if row.validity in UNITS:
        seconds = int(UNITS[row.validity].total_seconds()) * (row.validity_count or 0)
    elif row.validity == Reward.Validity.DATE and row.validity_until:
        seconds = max(int((end_of(row.validity_until, row.store.tz) - timezone.now()).total_seconds()), 0)
    return {"kind": "does_not_expire" if seconds is None else "expires_after", "seconds": seconds}


def claimed_reward(row: Redemption, connection: Connection) -> dict[str, Any]:
    return {
        "id": row.pk,
        "claimed_at": moment(row.issued_at),
        "point_cost": cost(row.points),
        "state": "void" if row.state == State.CANCELLED else "approved",
        "redeemable": redeemable(row),
        "reward": reward(row.reward, shapes.site(connection)),
        "session": row.details.get("session"),
        "auto_refund_at": None,
        "expires_at": row.expires_at and moment(row.expires_at),
    }


def redeemable(row: Redemption) -> dict[str, Any]:
    is_used = row.state == State.USED
    if not row.code:
        return {
            "redeemable_type": "fulfilment",
            "fulfilled": is_used,
            "fulfilled_at": row.used_at and moment(row.used_at),
            "expires_on": row.expires_at and row.store.local(row.expires_at).date().isoformat(),
        }
    return {
        "code": row.code,
        "discount_amount": discount_amount(row),
        "usage_count": int(is_used),
        "usage_limit": 1,
    }


def discount_amount(row: Redemption) -> int | float | None:
    if row.reward.kind == "percentage":
        return number(money(row.reward.settings.get("value")))
    return number(row.value) if form_of(row.reward).discount_type == "flat" else None
