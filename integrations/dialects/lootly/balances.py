"""Calls that read: each returns the value of `data` and changes nothing."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.db.models import Q

from customers.models import Customer, CustomerAlias, Wallet
from integrations.models import InboundEvent
from loyalty.stores.models import Store

from . import people
from .fields import Fields, Named
from .refusals import unknown

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls and with what. A call that writes is kept in the inbox; one that only reads is not."""

    store: Store
    fields: Fields
    kept: InboundEvent | None = None

    def customer(self) -> Customer:
        customer = people.find(self.store, *self.fields.customer())
        if customer is None:
            raise unknown("customer")
        return customer

    @property
    def identity(self) -> str:
        """Names what this call changes."""
        return f"inbound:{self.kept.pk}" if self.kept else ""


def balance(call: Call) -> Data:
    external_id, email = call.fields.customer()
    return balance_of(call.store, people.find(call.store, external_id, email), external_id, email)


def balances(call: Call) -> list[Data]:
    """One for each asked, in order, in a fixed number of queries."""
    store, asked = call.store, call.fields.many_customers()
    ids, emails = {one[0] for one in asked}, {one[1] for one in asked}
    customers = store.customers.filter(Q(external_id__in=ids - {None}) | Q(email__in=emails - {None}))
    by_name: dict[Named, Customer] = {}
    for alias in CustomerAlias.objects.filter(store=store, external_id__in=ids - {None}).select_related("customer"):
        by_name[alias.external_id, None] = alias.customer
    for customer in customers:
        by_name[customer.external_id, None] = by_name[None, customer.email] = customer
    wallets = {wallet.customer_id: wallet for wallet in store.wallets.filter(customer__in=set(by_name.values()))}
    found = [(by_name.get(one), one) for one in asked]
    return [render(customer, wallets.get(customer.pk) if customer else None, *one) for customer, one in found]


def balance_of(
    store: Store, customer: Customer | None, external_id: str | None = None, email: str | None = None
) -> Data:
    return render(customer, store.wallets.get(customer=customer) if customer else None, external_id, email)


def render(customer: Customer | None, wallet: Wallet | None, external_id: str | None, email: str | None) -> Data:
    points = whole(wallet.balance) if wallet else 0
    return {
        "customer_id": customer.external_id if customer else external_id,
        "email": customer.email if customer else email,
        "points": points,
        "point_balance": points,
        "points_pending": whole(wallet.pending) if wallet else 0,
        "vip_tier": None,
        "points_expire_at": None,
        "found": customer is not None,
    }


def whole(points: Decimal) -> int:
    """This wire knows whole points only."""
    return int(points.to_integral_value(ROUND_FLOOR))
