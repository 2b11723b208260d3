"""Orders: facts are stored as told, then folded; points follow from the fold alone."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from customers import order_notices
from loyalty.stores import broker, clock
from loyalty.stores.facts import told_now
from loyalty.stores.models import Store
from loyalty.stores.sets import recordset, run_set

from . import activities, goals, order_customers
from .folding import AMOUNTS, STATUSES, Folded, Told, fold
from .models import Activity, Order, OrderFact

Kind = OrderFact.Kind
ZERO = Decimal(0)

__all__ = ["STATUSES", "Kind", "OrderFactConflict", "apply", "record_fact", "record_facts"]


class OrderFactConflict(ValueError):
    """The same refund (or other named fact) was told before with another content."""


@transaction.atomic
def record_fact(
    store: Store, order_external_id: str, kind: str, *, identity: str, data: dict[str, Any], source: str = "api"
) -> bool:
    """Store one fact about an order, known or not yet. Returns False when it was told before.

    `data` of a status: status, total, subtotal (after discounts, before shipping and tax), tax, shipping,
    discount (decimal text), customer {external_id, email, first_name, last_name, is_registered}, placed_at and
    updated_at (ISO 8601), discount_codes, items [{product_id, name, price, quantity, categories}], number,
    award_on. Of a refund: amount; is_uncounted. `identity` names the fact among its kind for this order.
    """
    row = OrderFact(
        store=store, order_external_id=order_external_id, kind=kind, identity=identity, data=data, source=source,
        **told_now(),
    )  # fmt: skip
    OrderFact.objects.bulk_create([row], ignore_conflicts=True)
    first = store.order_facts.get(order_external_id=order_external_id, kind=kind, identity=identity)
    if kind == Kind.REFUND and first.data != data:
        raise OrderFactConflict(f"Refund “{identity}” of this order was reported before with another amount.")
    broker.nudge(activities.APPLY, store.pk)
    return first.attempts == 0 and first.received_at == row.received_at


def record_facts(store: Store, facts: list[OrderFact]) -> None:
    """Store many in one statement; those told before stay as they are. Refunds go one by one, as they may conflict."""
    OrderFact.objects.bulk_create(facts, ignore_conflicts=True)
    broker.nudge(activities.APPLY, store.pk)


def apply(store_id: int, token: object, ids: list[int]) -> None:
    """Fold the orders that these claimed facts are about, and make their purchase activities due."""
    claimed = OrderFact.objects.filter(store_id=store_id, pk__in=ids, claim_token=token, due_at__isnull=False)
    due = list(claimed.order_by("pk").select_for_update())
    if not due:
        return
    store = Store.objects.get(pk=store_id)
    orders = lock_orders(store, {fact.order_external_id for fact in due})
    facts = facts_of(store, orders)
    changes = {order: fold(facts[order.external_id], store.award_status) for order in orders}
    order_customers.find(store, {order: folded for order, folded in changes.items() if order.customer_id is None})
    order_customers.count(store, changes)
    write(store, changes)
    make_due(store, [order for order in orders if order.customer_id and order.status])
    order_notices.tell(store.pk, [notice_of(order, folded) for order, folded in changes.items() if codes_of(folded)])
    OrderFact.objects.filter(store_id=store_id, pk__in=[fact.pk for fact in due]).update(
        applied_at=clock.now(), due_at=None, error=""
    )


def lock_orders(store: Store, external_ids: set[str]) -> list[Order]:
    Order.objects.bulk_create(
        [Order(store=store, external_id=external_id) for external_id in sorted(external_ids)], ignore_conflicts=True
    )
    return list(store.orders.filter(external_id__in=external_ids).order_by("pk").select_for_update())


def facts_of(store: Store, orders: list[Order]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = defaultdict(list)
    rows = store.order_facts.filter(order_external_id__in=[order.external_id for order in orders])
    for external_id, *told in rows.values_list("order_external_id", "kind", "identity", "data", "received_at"):
        found[external_id].append(Told(*told))
    return found


WRITE = """
UPDATE earning_order AS target
   SET customer_id = row.customer_id, status = row.status, is_cancelled = row.is_cancelled,
       is_awardable = row.is_awardable, awardable_at = row.awardable_at, total = row.total, subtotal = row.subtotal,
       tax = row.tax, shipping = row.shipping, discount = row.discount, refunded = row.refunded,
       has_refund = row.has_refund, counted = row.counted, discount_codes = row.discount_codes, items = row.items,
       number = row.number, placed_at = row.placed_at, updated_at = clock_timestamp()
  FROM json_to_recordset(%(rows)s::json) AS row (id bigint, customer_id bigint, status text, is_cancelled boolean,
       is_awardable boolean, awardable_at timestamptz, total numeric, subtotal numeric, tax numeric, shipping numeric,
       discount numeric, refunded numeric, has_refund boolean, counted numeric, discount_codes jsonb, items jsonb,
       number text, placed_at timestamptz)
 WHERE target.store_id = %(store)s AND target.id = row.id
"""


def write(store: Store, changes: dict[Order, Folded]) -> None:
    """The orders' rows as their folds tell them."""
    rows = []
    for order, folded in changes.items():
        order.status, order.placed_at = folded.status, folded.placed_at or order.created_at
        rows.append(
            {"id": order.pk, "customer_id": order.customer_id, "placed_at": order.placed_at}
            | {name: folded.amounts.get(name, ZERO) for name in AMOUNTS}
            | {name: getattr(folded, name) for name in FOLDED}
            | {name: folded.body.get(name) or [] for name in ("discount_codes", "items")}
            | {"number": str(folded.body.get("number") or "")[:100]}
        )
    run_set(WRITE, {"store": store.pk, "rows": recordset(rows)})


FOLDED = ("status", "is_cancelled", "is_awardable", "awardable_at", "refunded", "has_refund", "counted")


def codes_of(folded: Folded) -> list[str]:
    return [str(code) for code in folded.body.get("discount_codes") or []]


def notice_of(order: Order, folded: Folded) -> dict[str, Any]:
    """The codes that an order carries and what became of it, for the app that handed them out."""
    data = {
        "codes": codes_of(folded), "total": str(folded.total), "discount": str(folded.amounts.get("discount", ZERO)),
        "is_cancelled": folded.is_cancelled, "is_refunded": folded.is_refunded,
    }  # fmt: skip
    return {"order_external_id": order.external_id, "customer_id": order.customer_id, "data": data}


def make_due(store: Store, orders: list[Order]) -> None:
    """An order's points are those of its purchase activity: one each, evaluated anew when the order changes.

    So are its customer's goals. All are locked in one order of ids, as a worker locks its batch.
    """
    Activity.objects.bulk_create(
        [
            Activity(
                store=store, customer_id=order.customer_id, order=order, action="purchase",
                external_id=order.external_id, occurred_at=order.placed_at, source="order", due_at=None,
            )
            for order in orders
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    moments = [(order.placed_at, order.customer_id) for order in orders if order.placed_at and order.customer_id]
    bought_at = {customer_id: moment for moment, customer_id in sorted(moments)}  # the last one of each stays
    changed = store.activities.filter(
        Q(action="purchase", external_id__in=[order.external_id for order in orders], order__in=orders)
        | Q(action__in=goals.ACTIONS, external_id__in=goals.of_customers(store, bought_at))
    )
    locked = list(changed.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    store.activities.filter(pk__in=locked).update(due_at=clock.now(), attempts=0)
