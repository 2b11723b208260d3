"""Who takes which reward as the demo's year goes by, and pays with the code."""

import random
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from customers.models import Customer
from loyalty.stores.models import Store
from spending import offers, outcomes, redemptions
from spending.models import Redemption, Reward

from .history import CENT, TAX, Ordered

TEMPTED, PAYS = 0.3, 0.9  # of those who can pay for something, in a week; of those who hold a code, at an order
LAST_HOURS = timedelta(hours=4)  # before the store was made, into which the latest day's evening may fall
HANDED_OVER_AFTER = timedelta(days=12)
DISCOUNTS = ("fixed_amount", "variable_amount", "percentage", "free_shipping", "free_product")


class Shoppers:
    """They remember the codes they hold, and the orders they paid with one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rewards = list(store.rewards.all())
        held = store.redemptions.filter(state=Redemption.State.ISSUED, reward__kind__in=DISCOUNTS)
        self.codes = {one.customer.email: one for one in held.select_related("customer", "reward")}
        self.paid: dict[str, Decimal] = {}
        self.fresh: list[tuple[Redemption, datetime]] = []  # used since the last look

    # --- Paying -----------------------------------------------------------------------------------

    def pay(self, told: Ordered) -> Ordered:
        """The order as it comes from somebody who may hold a code."""
        if told.kind == "refund" and told.order in self.paid:
            return self.refunded(told)
        redemption = self.codes.get(told.data["customer"]["email"]) if told.kind == "status" else None
        rng = random.Random(told.order)  # noqa: S311 - invents, guards nothing
        if redemption is None or told.data["discount_codes"] or rng.random() > PAYS or not is_good(redemption, told.at):
            return told
        data = with_code(told.data, redemption)
        if data is None:
            return told
        del self.codes[told.data["customer"]["email"]]
        self.paid[told.order] = Decimal(data["total"])
        self.fresh.append((redemption, told.at))
        return Ordered(told.at, told.order, told.kind, told.identity, data)

    def refunded(self, told: Ordered) -> Ordered:
        """No more is given back than was paid."""
        amount = min(Decimal(told.data["amount"]), self.paid[told.order])
        return Ordered(told.at, told.order, told.kind, told.identity, told.data | {"amount": str(amount)})

    def date_what_was_paid(self) -> None:
        """The verbs say now."""
        for redemption, at in self.fresh:
            self.store.redemptions.filter(pk=redemption.pk, used_at__isnull=False).update(used_at=at)
        self.fresh.clear()

    # --- Taking -----------------------------------------------------------------------------------

    def take(self, day: date, days: int) -> None:
        """In the evening some of those who can pay for something take it."""
        rng = random.Random(f"{day}")  # noqa: S311 - invents, guards nothing
        at = min(datetime.combine(day, time(20), self.store.tz), self.store.local(self.store.created_at) - LAST_HOURS)
        for email, customer_id, balance in self.purses():
            if rng.random() < TEMPTED * days / 7 and email not in self.codes:
                at += timedelta(minutes=rng.randint(1, 12), seconds=rng.randrange(60))
                self.take_one(customer_id, balance, at, rng)

    def purses(self) -> list[tuple[str | None, int, Decimal]]:
        least = min(reward.points for reward in self.rewards)
        found = self.store.wallets.filter(unit="points", balance__gte=least, customer__state=Customer.State.ENROLLED)
        return list(found.order_by("pk").values_list("customer__email", "customer_id", "balance"))

    def take_one(self, customer_id: int, balance: Decimal, at: datetime, rng: random.Random) -> None:
        reward = rng.choice(self.rewards)
        steps = offers.affordable(reward, balance)
        if not steps:
            return  # another reward, another week
        least, _ = reward.reward_kind.bounds(reward.settings)
        customer = self.store.customers.get(pk=customer_id)
        with suppress(redemptions.Refused):
            taken = redemptions.begin(
                self.store, customer, reward, multiplier=rng.randint(least, steps), source="widget", at=at
            )
            if reward.kind in DISCOUNTS:
                self.codes[customer.email] = taken

    def settle_down(self) -> None:
        """What followed: the evenings took place, somebody changed their mind, and old codes end."""
        store = self.store
        evenings = store.redemptions.filter(reward__kind="custom", state=Redemption.State.ISSUED)
        for taken in evenings.filter(issued_at__lt=store.created_at - HANDED_OVER_AFTER).select_related("reward"):
            outcomes.hand_over(store, taken)
            store.redemptions.filter(pk=taken.pk).update(used_at=taken.issued_at + HANDED_OVER_AFTER)
        changed_mind = store.redemptions.filter(reward__kind="free_shipping", state=Redemption.State.ISSUED).last()
        if changed_mind:
            outcomes.cancel(store, changed_mind, reason="Ordered together with a friend", actor="demo@loyalty.example")
        while outcomes.expire(store):
            pass


def is_good(redemption: Redemption, at: datetime) -> bool:
    return redemption.issued_at <= at and (redemption.expires_at is None or at < redemption.expires_at)


def with_code(data: dict[str, Any], redemption: Redemption) -> dict[str, Any] | None:
    """What the shop makes of an order and a code; None when the code is good for nothing on it."""
    value, shipping = Decimal(data["subtotal"]), Decimal(data["shipping"])
    off, rest = taken_off(redemption.reward, redemption.multiplier, data)
    minimum = redemption.reward.minimum_order or 0
    if not off + shipping - rest or off > value or value < minimum:
        return None
    subtotal = value - off
    tax = (subtotal * TAX).quantize(CENT)
    return data | {
        "subtotal": str(subtotal), "shipping": str(rest), "tax": str(tax), "total": str(subtotal + rest + tax),
        "discount": str(off + shipping - rest), "discount_codes": [redemption.code],
    }  # fmt: skip


def taken_off(reward: Reward, multiplier: int, data: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """What a code takes off the goods, and the shipping that remains."""
    shipping = Decimal(data["shipping"])
    found = reward.reward_kind.discount(reward.settings, multiplier)
    if found is None or found.type == "shipping":
        return Decimal(0), Decimal("0.00")
    if found.type == "percentage":
        return (Decimal(data["subtotal"]) * (found.value or 0) / 100).quantize(CENT), shipping
    if found.type == "fixed":
        return (found.value or Decimal(0)).quantize(CENT), shipping
    prices = [Decimal(item["price"]) for item in data["items"] if item["product_id"] == found.product_id]
    return (prices[0] if prices else Decimal(0)), shipping
