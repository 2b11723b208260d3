"""Codes that the shop makes: a price rule and a discount code under a title of ours.

The title is stored before the shop is asked, so whoever asks again for the same redemption, after a crash too,
asks for the same code: the shop looks it up instead of making another.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from customers import attention
from integrations import connections
from integrations.models import Connection
from integrations.outgoing import Clock
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending.code_sources import SOURCES, CodeNotMade, CodeSource, Handed
from spending.coupons import OutOfCodes
from spending.models import CODE_LENGTH, Redemption, Reward
from spending.rewards import GENERATED, SHOP, Discount

from .shop import Members, Shop, ShopFailed, ShopUnreached, connection_of

SECONDS = 7  # for all calls of one redemption
PAUSE = 1  # second before the one retry
CLAIM = timedelta(seconds=10)  # how long others leave the shop to whoever asks it
NO_END = timedelta(days=3652)  # the shops want an end: ten years
FREE_SHIPPING = "-100.0"  # exactly so
State = Redemption.State


@dataclass(slots=True)
class Making:
    """A code that is being made by this process and by no other."""

    redemption: Redemption
    title: str
    is_again: bool
    price_rule: str

    def remember_rule(self, price_rule: str) -> None:
        self.price_rule = price_rule
        note(self.redemption, price_rule=price_rule)


class ShopCodes(CodeSource):
    key = SHOP
    is_remote = True

    def has_codes(self, store: Store, reward: Reward) -> bool:
        return connection_of(store) is not None

    def take(self, store: Store, reward: Reward) -> Handed:
        """Nothing yet; but no points are taken where no shop can be asked."""
        if not self.has_codes(store, reward):
            raise OutOfCodes("No shop is connected that makes codes.")
        return Handed()

    def make(self, redemption: Redemption, discount: Discount | None) -> str:
        making = take_up(redemption)
        if isinstance(making, str):
            return making
        connection = connection_of(redemption.store)
        if connection is None or discount is None:
            raise CodeNotMade("No shop is connected that makes codes.")
        try:
            return ask(Shop.of(connection), making, discount)
        except ShopFailed as failure:
            show_failure(connection, making, failure)
            raise CodeNotMade(f"The shop did not make a code. {failure}") from failure


# --- One at a time --------------------------------------------------------------------------------


def take_up(redemption: Redemption) -> Making | str:
    """Claim the making of this code, or wait for whoever is at it: then their code."""
    while True:
        with acting_for(redemption.store_id):
            row = Redemption.objects.select_for_update().get(store_id=redemption.store_id, pk=redemption.pk)
            if row.state == State.CANCELLED:
                raise CodeNotMade(row.cancel_reason)
            if row.code:
                redemption.details = row.details
                return row.code
            if not is_claimed(row):
                return claim(redemption, row)
        time.sleep(0.2)


def is_claimed(row: Redemption) -> bool:
    until = parse_datetime(row.details.get("asked_until", ""))
    return until is not None and until > timezone.now()


def claim(redemption: Redemption, row: Redemption) -> Making:
    is_again = "title" in row.details
    title = row.details.get("title") or SOURCES[GENERATED].take(redemption.store, redemption.reward).code
    note(redemption, title=title, asked_until=(timezone.now() + CLAIM).isoformat())
    return Making(redemption, title, is_again, row.details.get("price_rule", ""))


def note(redemption: Redemption, **details: str) -> None:
    with acting_for(redemption.store_id):
        row = Redemption.objects.select_for_update().get(store_id=redemption.store_id, pk=redemption.pk)
        row.details |= details
        row.save(update_fields=["details"])
    redemption.details = row.details


# --- The calls ------------------------------------------------------------------------------------


def ask(shop: Shop, making: Making, discount: Discount) -> str:
    """The code, after one more try if the shop could not be reached. Raises ShopFailed."""
    members, clock = members_of(making, discount, shop), Clock(SECONDS)
    try:
        return ask_once(shop, making, members, clock)
    except ShopUnreached:
        if clock.end - time.monotonic() <= PAUSE:
            raise
        time.sleep(PAUSE)
    making.is_again = True
    return ask_once(shop, making, members, clock)


def ask_once(shop: Shop, making: Making, members: Members, clock: Clock) -> str:
    if shop.is_magento:
        if not making.price_rule:
            making.remember_rule(price_rule_of(shop.post("price-rules", {"price_rule": members}, clock)))
        return code_of(shop.post(f"price-rules/{making.price_rule}", {}, clock))
    if making.is_again:
        try:
            return create_or_find(shop, making, members, clock)
        except ShopUnreached:
            raise
        except ShopFailed:
            if making.price_rule:
                raise
    making.remember_rule(price_rule_of(shop.post("price-rules/", {"price_rule": members}, clock)))
    return create_or_find(shop, making, members, clock)


def create_or_find(shop: Shop, making: Making, members: Members, clock: Clock) -> str:
    """In some shops the price rule is the coupon: they refuse to make it twice, and its title is its code."""
    try:
        return code_of(shop.post("discount-codes/", {"discount_code": members}, clock))
    except ShopFailed as failure:
        if failure.code.endswith("already_exists"):
            return making.title
        raise


def price_rule_of(told: Members) -> str:
    found = inner(told, "price_rule").get("id")
    if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).isalnum():
        raise ShopFailed("It made no price rule.")
    return str(found)


def code_of(told: Members) -> str:
    code = inner(told, "discount_code").get("code")
    if not isinstance(code, str) or not 1 <= len(code) <= CODE_LENGTH or not code.isprintable():
        raise ShopFailed("It answered without a code.")
    return code


def inner(told: Members, name: str) -> Members:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


# --- What the code is worth, in the shop's words ----------------------------------------------------


def members_of(making: Making, discount: Discount, shop: Shop) -> Members:
    redemption, reward = making.redemption, making.redemption.reward
    begins = redemption.issued_at
    members: Members = {
        "title": making.title,
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


def show_failure(connection: Connection, making: Making, failure: ShopFailed) -> None:
    """What was asked for may have arrived: a person should look into the shop."""
    connections.note_error(connection, f"A code could not be made in the shop. {failure}")
    redemption = making.redemption
    with acting_for(redemption.store_id):
        attention.show(
            connection.store, "coupon_may_exist", customer=redemption.customer, connection=str(connection.public_id),
            code=making.title, reward=redemption.reward.name, why=str(failure)[:255],
        )  # fmt: skip
