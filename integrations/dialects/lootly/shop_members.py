"""What a code is worth and how long, in the shop's words: amounts as negative text, an end always."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from spending.models import Redemption
from spending.rewards import Discount

from .shop import Members, Shop

NO_END = timedelta(days=3652)  # the shops want an end: ten years
FREE_SHIPPING = "-100.0"  # exactly so


def members_of(title: str, redemption: Redemption, discount: Discount, shop: Shop) -> Members:
    """Of the price rule and of the code alike."""
    reward, begins = redemption.reward, redemption.issued_at
    members: Members = {
        "title": title,
        **VALUES[discount.type](discount, shop),
        "starts_at": moment(begins),
        "ends_at": moment(redemption.expires_at or begins + NO_END),
        "usage_limit": 1,
        "uses_per_coupon": 1,
        "uses_per_customer": 1,
        "once_per_customer": 1,
        "individual_use": int(shop.settings.individual_use),
    }
    if reward.minimum_order:
        members["prerequisite_subtotal_range"] = {"greater_than_or_equal_to": f"{reward.minimum_order:f}"}
    if (redemption.customer.external_id or "").isdecimal():  # by other ids the shops would find everybody
        members["prerequisite_customer_ids"] = [redemption.customer.external_id]
    return members


def fixed(discount: Discount, shop: Shop) -> Members:
    return {"value_type": "fixed_amount", "value": negative(discount.value), "target_type": "line_item"}


def percentage(discount: Discount, shop: Shop) -> Members:
    return {"value_type": "percentage", "value": negative(discount.value), "target_type": "line_item"}


def shipping(discount: Discount, shop: Shop) -> Members:
    """Only Magento reads a percentage as that of the shipping; elsewhere it would be one of the whole cart."""
    amount: Members = {"value_type": "fixed_amount", "value": "-0.00"}
    if shop.is_magento:
        amount = {"value_type": "percentage", "value": FREE_SHIPPING}
    if discount.value is not None:
        amount["prerequisite_shipping_price_range"] = {"less_than_or_equal_to": f"{discount.value:f}"}
    return amount | {"target_type": "shipping_line"}


def product(discount: Discount, shop: Shop) -> Members:
    return {
        "value_type": "percentage",
        "value": "-100.0",
        "target_type": "line_item",
        "allocation_limit": 1,
        "entitled_product_ids": [discount.product_id],
    }


VALUES: dict[str, Any] = {"fixed": fixed, "percentage": percentage, "shipping": shipping, "product": product}


def negative(value: Decimal | None) -> str:
    return f"-{value or Decimal(0):f}"


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
