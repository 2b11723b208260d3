"""Codes that the shop makes: a price rule and a discount code under a title of ours.

The title is stored before the shop is asked, so whoever asks again for the same redemption, after a crash too,
asks for the same code: the shop looks it up instead of making another.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.utils.dateparse import parse_datetime

from customers import attention
from integrations import connections
from integrations.models import Connection
from integrations.outgoing import Clock
from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending.code_sources import SOURCES, CodeNotMade, CodeSource, Handed
from spending.coupons import OutOfCodes
from spending.models import CODE_LENGTH, Redemption, Reward
from spending.rewards import GENERATED, SHOP, Discount

from .shop import Members, Shop, ShopFailed, ShopUnreached, connection_of
from .shop_members import members_of

SECONDS = 7  # for all calls of one redemption
PAUSE = 1  # second before the one retry
CLAIM = timedelta(seconds=10)  # how long others leave the shop to whoever asks it
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

    def with_codes(self, store: Store, rewards: list[Reward]) -> set[int]:
        return {reward.pk for reward in rewards} if connection_of(store) else set()

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
    return until is not None and until > clock.now()


def claim(redemption: Redemption, row: Redemption) -> Making:
    is_again = "title" in row.details
    title = row.details.get("title") or SOURCES[GENERATED].take(redemption.store, redemption.reward).code
    note(redemption, title=title, asked_until=(clock.now() + CLAIM).isoformat())
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
    members, clock = members_of(making.title, making.redemption, discount, shop), Clock(SECONDS)
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


def show_failure(connection: Connection, making: Making, failure: ShopFailed) -> None:
    """What was asked for may have arrived: a person should look into the shop."""
    connections.note_error(connection, f"A code could not be made in the shop. {failure}")
    redemption = making.redemption
    with acting_for(redemption.store_id):
        attention.show(
            connection.store, "coupon_may_exist", customer=redemption.customer, connection=str(connection.public_id),
            code=making.title, reward=redemption.reward.name, why=str(failure)[:255],
        )  # fmt: skip
