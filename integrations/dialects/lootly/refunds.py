"""Refunds with ids are told apart by them; without, equal words are one refund until a person says otherwise."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from customers import attention
from earning.orders import Kind, record_fact

from .serializers import Refund
from .told import SOURCE, Told


@transaction.atomic
def refund(told: Told) -> None:
    """All refunds of one call or none: one may conflict."""
    order_id, refunds = told.content
    for one in refunds:
        if one.id or not is_second(told.identity):
            record(told, order_id, f"id:{one.id}" if one.id else told.identity, {"amount": str(one.amount)})
        else:
            maybe_refund(told, order_id, one)


def record(told: Told, order_id: str, identity: str, data: dict[str, Any]) -> None:
    record_fact(told.store, order_id, Kind.REFUND, identity=identity, data=data, source=SOURCE)


def second(identity: str, number: int) -> str:
    """The identity of an event that is equal to an earlier one and may still be another."""
    return f"{identity}#{number}"


def is_second(identity: str) -> bool:
    return "#" in identity


def maybe_refund(told: Told, order_id: str, one: Refund) -> None:
    """The same words as an earlier refund: the same one told twice, or a second one? A person decides."""
    # A person who accepted one told it again: it is there once already.
    facts = told.store.order_facts.filter(order_external_id=order_id, kind=Kind.REFUND).exclude(data__has_key="accepts")
    refunded = sum((abs(Decimal(data["amount"])) for data in facts.values_list("data", flat=True)), Decimal(0))
    order = told.store.orders.filter(external_id=order_id).exclude(status="").first()
    if facts.filter(identity=told.identity).exists() or (order and refunded + one.amount > order.total):
        return
    record(told, order_id, told.identity, {"amount": str(one.amount), "is_uncounted": True})
    attention.show(told.store, "possible_second_refund", order=order_id, amount=str(one.amount), identity=told.identity)


def has_ids(content: tuple[str, list[Refund]]) -> bool:
    return any(one.id for one in content[1])
