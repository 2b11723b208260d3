"""Whose orders these are, and what they count for them."""

from typing import Any

from customers import enrolment
from customers.identities import BadIdentity, Identity
from customers.models import Customer
from loyalty.stores.models import Store
from loyalty.stores.sets import recordset, run_set

from . import activities
from .folding import ZERO, Folded
from .models import Order


def find(store: Store, changes: dict[Order, Folded]) -> None:
    """Whose orders these are. Most name a known customer by the main id: those are looked up in one go."""
    named = {order: folded.body.get("customer") or {} for order, folded in changes.items()}
    ids = {str(who["external_id"]) for who in named.values() if who.get("external_id")}
    known = {one.external_id: one for one in store.customers.filter(external_id__in=ids)} if ids else {}
    for order, who in named.items():
        order.customer = customer_of(store, who, known)


def customer_of(store: Store, who: dict[str, Any], known: dict[str | None, Customer]) -> Customer | None:
    try:
        identity = Identity.of(external_id=who.get("external_id"), email=who.get("email"))
    except BadIdentity:
        return None  # a guest without an address: the order is kept, nobody earns
    is_registered = bool(who.get("is_registered"))
    customer = known.get(identity.external_id)
    if customer is None or identity.email not in (None, customer.email):
        customer = enrolment.identify(store, identity, is_registered=is_registered)
        known[customer.external_id] = customer
    enrolment.update_profile(customer, first_name=who.get("first_name"), last_name=who.get("last_name"))
    if is_registered and customer.state == Customer.State.GUEST:
        activities.enrol(customer)
    return customer


COUNT = """
UPDATE customers_customer AS customer
   SET orders_count = customer.orders_count + row.orders, orders_total = customer.orders_total + row.total,
       first_order_at = LEAST(customer.first_order_at, row.first_order_at)
  FROM json_to_recordset(%(rows)s::json)
       AS row (id bigint, orders integer, total numeric, first_order_at timestamptz)
 WHERE customer.store_id = %(store)s AND customer.id = row.id
"""


def count(store: Store, changes: dict[Order, Folded]) -> None:
    """Move the customers' order count and total by what these orders now count for, more or less than before."""
    rows: dict[int, dict[str, Any]] = {}
    for order, folded in changes.items():
        if order.customer_id is None or folded.counted == order.counted:
            continue
        row = rows.setdefault(
            order.customer_id, {"id": order.customer_id, "orders": 0, "total": ZERO, "first_order_at": None}
        )
        row["orders"] += (folded.counted is not None) - (order.counted is not None)
        row["total"] += (folded.counted or ZERO) - (order.counted or ZERO)
        if folded.counted is not None:
            moment = folded.placed_at or order.created_at
            row["first_order_at"] = min(row["first_order_at"] or moment, moment)
    if rows:
        run_set(COUNT, {"store": store.pk, "rows": recordset([rows[key] for key in sorted(rows)])})
