"""Members of events in our words. Only what is needed to know what happened is insisted on."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from . import values
from .refusals import Refused, invalid, missing
from .settings import LootlySettings

MAX_ITEMS = 1000
URL = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as a shop tells of them. Without an external id: a guest."""

    external_id: str | None = None
    email: str | None = None
    first_name: str = ""
    last_name: str = ""
    birthday: date | None = None
    country: str = ""
    zip: str = ""

    @classmethod
    def of(cls, member: Any) -> "Person":
        told = values.mapping(member)
        address = values.mapping(told.get("default_address"))
        return cls(
            external_id=None if values.is_guest(told.get("id")) else values.identifier(told["id"], "customer.id"),
            email=values.email(told.get("email")),
            first_name=values.text(told.get("first_name")),
            last_name=values.text(told.get("last_name")),
            birthday=values.birthday(told.get("birthday")),
            country=values.country(address.get("country")),
            zip=values.text(address.get("zip"), 20),
        )


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back. Without an id of its own it is told apart by its text only."""

    id: str
    amount: Decimal


def customer_of(members: Members, settings: LootlySettings) -> Person:
    person = Person.of(members | {"id": values.identifier(members.get("id"), "id")})
    if person.external_id is None:
        raise invalid("id", "“id” must be a customer's: 0 stands for a guest.")
    return person


def order_id_of(members: Members, settings: LootlySettings) -> str:
    return values.identifier(members.get("id"), "id")


def order_of(members: Members, settings: LootlySettings) -> Members:
    """An order as the core keeps it (see earning.orders.record_fact), with `id` and `person` beside it."""
    created, updated = values.moment(members.get("created_at")), values.moment(members.get("updated_at"))
    return {
        "id": order_id_of(members, settings),
        "person": Person.of(members.get("customer")),
        **amounts_of(members, settings),
        "discount_codes": codes_of(members),
        "items": items_of(members, settings.places),
        "placed_at": created.isoformat() if created else None,
        "updated_at": updated.isoformat() if updated else None,
    }


def amounts_of(members: Members, settings: LootlySettings) -> Members:
    """`subtotal` is what points are for by the connection's choice; the rest adds up to the total.

    Amounts that were not told stay out, so that they erase none told before.
    """
    told = {
        name: values.amount(members.get(member), member, settings.places)
        for name, member in (
            ("total", "total_price"),
            ("subtotal", "subtotal_price"),
            ("tax", "total_tax"),
            ("discount", "total_discounts"),
        )
    }
    total, subtotal = told["total"], told["subtotal"]
    tax = told["tax"] or Decimal(0)
    if total is None:
        if subtotal is None:
            return {}
        total = subtotal + tax
    counted = rewardable(settings.rewardable, total, subtotal, tax)
    tax = Decimal(0) if settings.rewardable == "total" else tax
    return as_text(
        total=total, subtotal=counted, tax=tax, shipping=total - counted - tax, discount=told["discount"] or Decimal(0)
    )


def rewardable(choice: str, total: Decimal, subtotal: Decimal | None, tax: Decimal) -> Decimal:
    if choice == "total":
        return total
    return total - tax if choice == "total_without_tax" or subtotal is None else subtotal


def as_text(**amounts: Decimal) -> Members:
    return {name: str(max(amount, Decimal(0))) for name, amount in amounts.items()}


def codes_of(members: Members) -> list[str]:
    listed = members.get("discount_codes")
    found = (
        [code.get("code") if isinstance(code, dict) else code for code in listed if code]
        if isinstance(listed, list)
        else []
    )
    codes = [values.text(code, 64) for code in [*found[:100], members.get("coupon_code")]]
    return list(dict.fromkeys(code for code in codes if code))


def items_of(members: Members, places: int) -> list[Members]:
    return [item_of(line, places) for line in values.mappings(members.get("products"))[:MAX_ITEMS]]


def item_of(line: Members, places: int) -> Members:
    price, quantity = readable(line.get("product_price"), places), readable(line.get("quantity"), 4)
    spent = readable(line.get("item_spent_amount"), places)
    if spent is None and price is not None and quantity is not None:
        spent = readable(price * quantity, places)
    return {
        "product_id": readable_id(line.get("product_id")),
        "variant_id": readable_id(line.get("variantID")),
        "name": values.text(line.get("product_name"), 200),
        "price": None if price is None else str(price),
        "quantity": None if quantity is None else f"{quantity.normalize():f}",
        "spent": None if spent is None else str(spent),
        "categories": [readable_id(one.get("category_id")) for one in values.mappings(line.get("categories"))],
    }


def readable(value: Any, places: int) -> Decimal | None:
    """A number that only describes: one that makes no sense is left out."""
    try:
        return values.amount(value, "", places)
    except Refused:
        return None


def readable_id(value: Any) -> str:
    return str(value)[:100] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def refunds_of(members: Members, settings: LootlySettings) -> tuple[str, list[Refund]]:
    """The order's id and its refunds: each entry with an id is one, all without are one together."""
    order_id, entries = order_id_of(members, settings), members.get("transactions")
    if values.is_blank(entries) or entries == []:
        raise missing("transactions", "“transactions” is missing: give the refunded amounts.")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid("transactions", "“transactions” must be a list of objects with an amount.")
    amounts = [refunded(entry, settings.places) for entry in entries]
    whole_id = next(
        (members[name] for name in ("transaction_id", "refund_id") if not values.is_blank(members.get(name))), None
    )
    if whole_id is not None:
        return order_id, [Refund(values.identifier(whole_id, "transaction_id"), sum(amounts, Decimal(0)))]
    refunds, nameless = [], []
    for entry, amount in zip(entries, amounts, strict=True):
        if values.is_blank(entry.get("id")):
            nameless.append(amount)
        else:
            refunds.append(Refund(values.identifier(entry["id"], "transactions.id"), amount))
    if nameless:
        refunds.append(Refund("", sum(nameless, Decimal(0))))
    return order_id, refunds


def refunded(entry: Members, places: int) -> Decimal:
    amount = values.amount(entry.get("amount"), "transactions.amount", places)
    if amount is None:
        raise missing("transactions.amount", "A refund has no amount.")
    return abs(amount)


def endpoints_of(members: Members, settings: LootlySettings) -> Members:
    return {name: url_of(members.get(name), name) for name in ("shop_url", "api_endpoint")}


def url_of(value: Any, field: str) -> str:
    if values.is_blank(value):
        return ""
    if not isinstance(value, str) or len(value) > 500 or not URL.fullmatch(value.strip()):
        raise invalid(field, f"“{field}” must be an address that starts with http:// or https://.")
    return value.strip()


def nothing_of(members: Members, settings: LootlySettings) -> None:
    return None
