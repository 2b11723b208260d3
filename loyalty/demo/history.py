"""A year of a small coffee shop: who joined, bought, reviewed and sent back what, and when. Pure.

Invented per person, so that growth comes from more people joining; most shop again, some leave, and more
is bought on weekends.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from .people import Person

CENT = Decimal("0.01")
FREE_SHIPPING, SHIPPING = Decimal(50), Decimal("4.90")
TAX = Decimal("0.07")
DELIVERY = timedelta(days=3)

# (id, name, price, category)
CATALOGUE = (
    ("101", "House blend, 250 g", "9.50", "coffee"),
    ("102", "House blend, 1 kg", "32.00", "coffee"),
    ("103", "Ethiopia Yirgacheffe, 250 g", "13.90", "coffee"),
    ("104", "Colombia Huila, 250 g", "12.40", "coffee"),
    ("105", "Decaf Peru, 250 g", "12.90", "coffee"),
    ("106", "Espresso forte, 500 g", "18.50", "coffee"),
    ("201", "Filter papers, 100 pieces", "5.90", "brewing"),
    ("202", "Pour-over dripper", "24.00", "brewing"),
    ("203", "Hand grinder", "79.00", "brewing"),
    ("204", "Gooseneck kettle", "89.00", "brewing"),
    ("205", "French press", "39.90", "brewing"),
    ("301", "Stoneware cup", "16.50", "cups"),
    ("302", "Travel mug", "27.00", "cups"),
    ("401", "Oat drink, 6 × 1 l", "14.40", "pantry"),
    ("402", "Dark chocolate, 100 g", "4.50", "pantry"),
)
WEIGHTS = (14, 8, 9, 8, 5, 9, 8, 3, 2, 2, 3, 4, 4, 4, 7)


@dataclass(frozen=True, slots=True)
class Joined:
    at: datetime
    person: Person


@dataclass(frozen=True, slots=True)
class Did:
    """Anything but a purchase. `key` names it among its action."""

    at: datetime
    person: Person
    action: str
    key: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """Somebody read a review and said what became of it."""

    at: datetime
    action: str
    key: str
    state: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """Something told of an order: `data` as earning.orders.record_fact takes it."""

    at: datetime
    order: str
    kind: str
    identity: str
    data: dict[str, Any]


Happening = Joined | Did | Judged | Ordered


def year_of(people: list[Person], now: datetime, rng: random.Random) -> list[Happening]:
    """All that happened up to now, oldest first. `now` is in the store's time zone."""
    year = Year(now, rng)
    happened = [one for person in people for one in year.of(person) if one.at < now]
    happened.sort(key=lambda one: one.at)
    return number_orders(happened)


def number_orders(happened: list[Happening]) -> list[Happening]:
    """Orders are numbered in the order they were placed in, as a shop does."""
    numbers: dict[str, str] = {}
    numbered: list[Happening] = []
    for one in happened:
        if isinstance(one, Ordered):
            number = numbers.setdefault(one.order, str(20001 + len(numbers)))
            data = one.data | ({"number": f"#{number}"} if one.kind == "status" else {})
            one = Ordered(one.at, number, one.kind, one.identity, data)
        numbered.append(one)
    return numbered


class Year:
    def __init__(self, now: datetime, rng: random.Random) -> None:
        self.now, self.rng = now, rng
        self.start = now - timedelta(days=365)

    def of(self, person: Person) -> Iterator[Happening]:
        joined = self.hour_of(self.start + timedelta(days=self.day_of_joining()))
        if not person.is_guest:
            yield Joined(joined, person)
            yield from self.engage(person, joined)
        yield from self.shop(person, joined)

    def day_of_joining(self) -> int:
        """Some came along when the programme began; more and more since."""
        return self.rng.randrange(30) if self.rng.random() < 0.2 else int(self.rng.triangular(0, 365, 365))

    def shop(self, person: Person, joined: datetime) -> Iterator[Happening]:
        """Orders until the year ends or they go elsewhere."""
        gap = self.rng.triangular(9, 75, 25)
        at = joined + timedelta(minutes=self.rng.randint(5, 90))
        for count in range(1, 60):
            if at >= self.now:
                return
            yield from self.order(person, f"{person.email}:{count}", at)
            if self.rng.random() < (0.7 if person.is_guest else 0.09):
                return
            at = self.hour_of(self.to_weekend(at + timedelta(days=max(1, self.rng.expovariate(1 / gap)))))

    def engage(self, person: Person, joined: datetime) -> Iterator[Happening]:
        dice, name = self.rng.random, person.external_id
        if dice() < 0.45:
            yield Did(self.after(joined, 0, 3), person, "newsletter_signup", f"newsletter-{name}")
        if dice() < 0.25:
            yield Did(self.after(joined, 1, 60), person, "instagram_follow", f"instagram-{name}")
        if dice() < 0.3:
            yield Did(self.after(joined, 5, 200), person, "custom:demo_action", f"quiz-{name}")
        if dice() < 0.15:
            yield from self.habit(person, joined, "custom:own_cup", 18)
        if dice() < 0.2:
            yield from self.habit(person, joined, "custom:app_login", 10)

    def habit(self, person: Person, since: datetime, action: str, gap: int) -> Iterator[Happening]:
        at = self.after(since, 1, gap)
        while at < self.now:
            yield Did(at, person, action, f"{person.external_id}-{at:%Y%m%d}")
            at = self.after(at, 1, 2 * gap)

    def order(self, person: Person, order: str, at: datetime) -> Iterator[Happening]:
        """An order that is sent within days; some come back, in part or whole, a few are cancelled."""
        is_new = self.now - at < DELIVERY
        basket = self.basket()
        body = self.body(person, at, basket) | {"status": "processing" if is_new else "completed"}
        yield Ordered(at, order, "status", body["status"], body)
        dice = self.rng.random()
        if dice < 0.03:
            yield Ordered(self.after(at, 0, 2), order, "cancelled", "cancelled", {})
        elif dice < 0.08 and not is_new:
            amount = body["total"] if dice < 0.045 else basket[0]["price"]
            yield Ordered(self.after(at, 5, 15), order, "refund", "refund-1", {"amount": amount})
        elif dice < 0.22 and not is_new and not person.is_guest:
            yield from self.review(person, basket[0], self.after(at, 4, 14), order)

    def review(self, person: Person, item: dict[str, Any], at: datetime, key: str) -> Iterator[Happening]:
        yield Did(
            at, person, "review", key, {"product_id": item["product_id"], "rating": self.rng.choice((3, 4, 5, 5))}
        )
        state = "declined" if self.rng.random() < 0.12 else "approved"
        yield Judged(self.after(at, 1, 6), "review", key, state)

    def basket(self) -> list[dict[str, Any]]:
        chosen = dict.fromkeys(self.rng.choices(CATALOGUE, WEIGHTS, k=self.rng.choice((1, 1, 2, 2, 3, 4))))
        return [
            {"product_id": product, "name": name, "price": price, "quantity": self.rng.choice((1, 1, 1, 2)),
             "categories": [category]}
            for product, name, price, category in chosen
        ]  # fmt: skip

    def body(self, person: Person, at: datetime, basket: list[dict[str, Any]]) -> dict[str, Any]:
        value = sum((Decimal(item["price"]) * item["quantity"] for item in basket), Decimal(0))
        has_code = self.rng.random() < 0.08
        discount = (value / 10).quantize(CENT) if has_code else Decimal("0.00")
        subtotal = value - discount
        shipping = Decimal("0.00") if subtotal >= FREE_SHIPPING else SHIPPING
        tax = (subtotal * TAX).quantize(CENT)
        return {
            "total": str(subtotal + shipping + tax), "subtotal": str(subtotal), "tax": str(tax),
            "shipping": str(shipping), "discount": str(discount), "items": basket,
            "discount_codes": ["SLOWMORNING"] if has_code else [],
            "placed_at": at.isoformat(), "updated_at": at.isoformat(),
            "customer": {
                "external_id": person.external_id, "email": person.email, "first_name": person.first_name,
                "last_name": person.last_name, "is_registered": not person.is_guest,
            },
        }  # fmt: skip

    def after(self, at: datetime, least: int, most: int) -> datetime:
        """Some days later, at a likely hour and never earlier."""
        later = self.hour_of(at + timedelta(days=self.rng.randint(least, most)))
        return max(later, at + timedelta(minutes=self.rng.randint(2, 50)))

    def hour_of(self, at: datetime) -> datetime:
        minute = int(self.rng.triangular(7 * 60, 23 * 60, 19 * 60))
        return datetime.combine(at.date(), time(minute // 60, minute % 60, self.rng.randrange(60)), at.tzinfo)

    def to_weekend(self, at: datetime) -> datetime:
        """Many wait for the weekend."""
        waits = at.weekday() < 5 and self.rng.random() < 0.3
        return at + timedelta(days=self.rng.choice((5, 6)) - at.weekday()) if waits else at
