"""Apply a batch of due activities: evaluate in memory, settle, stamp. A handful of statements whatever its size."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from customers import ledger
from customers.ledger import Settlement
from loyalty.stores import clock
from loyalty.stores.models import ROUNDINGS, Store
from loyalty.stores.sets import array, recordset, run_set

from . import goals
from .activities import stay_guests
from .engine import Decision, Fact, Person, Rule, Scale, evaluate
from .rulebook import Rulebook
from .usage import UsageBook

SELECT_DUE = """
SELECT activity.id, activity.customer_id, activity.action, activity.occurred_at, NULLIF(activity.properties, '{}'),
       activity.asked_state, activity.asked_points, activity.asked_rule_id, activity.state, activity.rule_id,
       activity.rule_version, activity.points, activity.order_id, activity.applied_at IS NULL,
       (activity.decision ->> 'room')::numeric,
       customer.state, customer.tags, customer.birthday_set_at, customer.orders_count, customer.orders_total
  FROM (SELECT * FROM earning_activity WHERE store_id = %(store)s AND id = ANY(%(ids)s::bigint[]) AND due_at IS NOT NULL
           AND (%(token)s::uuid IS NULL OR claim_token = %(token)s::uuid) ORDER BY id FOR UPDATE) AS activity
  JOIN customers_customer AS customer ON customer.store_id = %(store)s AND customer.id = activity.customer_id
 ORDER BY activity.id
"""

# The rule is looked up in the store, once for each outcome: a foreign key would look once for each activity.
STAMP = """
UPDATE earning_activity AS activity
   SET state = row.state, points = row.points, rule_id = rule.id, rule_version = row.rule_version,
       decision = row.decision, due_at = row.due_at, applied_at = COALESCE(activity.applied_at, clock_timestamp()),
       claim_token = NULL, claimed_until = NULL, quarantined_at = NULL, attempts = 0, error = ''
  FROM json_to_recordset(%(rows)s::json) AS row (ids bigint[], state text, points numeric, rule_id bigint,
       rule_version integer, decision jsonb, due_at timestamptz)
  LEFT JOIN earning_earningrule AS rule ON rule.store_id = %(store)s AND rule.id = row.rule_id
 CROSS JOIN LATERAL unnest(row.ids) AS stamped (id)
 WHERE activity.store_id = %(store)s AND activity.id = stamped.id
"""

LOOK_AGAIN = timedelta(seconds=1)  # at a fact that waits for its customer to join, who is being changed just now


@dataclass(slots=True)
class Due:
    """A locked activity with what its evaluation needs to know of the customer."""

    id: int
    customer_id: int
    action: str
    occurred_at: datetime
    properties: dict[str, Any] | None  # None: it has none, which costs nothing to read
    asked_state: str
    asked_points: Decimal | None
    asked_rule_id: int | None
    state: str
    rule_id: int | None
    rule_version: int | None
    points: Decimal
    order_id: int | None
    is_first: bool
    room: Decimal | None
    customer_state: str
    tags: Sequence[str]
    birthday_set_at: datetime | None
    orders_count: int
    orders_total: Decimal


def apply(store_id: int, token: object, ids: list[int]) -> None:
    """Apply activities that this worker claimed; those it lost meanwhile are left alone."""
    apply_rows(Store.objects.get(pk=store_id), lock_due(store_id, token, ids))


def apply_now(store: Store, ids: list[int]) -> None:
    """Apply activities in the caller's transaction, for calls that answer with the result."""
    apply_rows(store, lock_due(store.pk, None, ids))


def lock_due(store_id: int, token: object, ids: list[int]) -> list[Due]:
    params = {"store": store_id, "ids": array(ids), "token": token}
    return [Due(*row) for row in run_set(SELECT_DUE, params, is_prepared=True)]


def apply_rows(store: Store, rows: list[Due]) -> None:
    if not rows:
        return
    guests = stay_guests(store, {row.customer_id for row in rows if waits_to_join(row)})
    purses = ledger.lock_wallets(store.pk, {row.customer_id for row in rows})  # before limits are read
    rulebook = Rulebook.of(store, rows)
    usage = UsageBook.of(store, rulebook, rows)
    orders = orders_of(store, rows)
    scale = Scale(store.quantum, ROUNDINGS[store.points_rounding])
    now = clock.now()
    settlements, stamps = [], Stamps()
    for row in rows:
        granted = rulebook.granted(row)
        person = Person(row.customer_state, row.tags, row.birthday_set_at)
        fact = fact_of(row, orders.get(row.order_id) if row.order_id else None)
        decision = evaluate(fact, rulebook.candidates(row), person, usage.of_row(row), scale, granted, row.room)
        due_at = stand(row, decision, granted, now)
        if waits_to_join(row) and row.customer_id not in guests:
            due_at = now + LOOK_AGAIN
        usage.add(row, decision)
        settlements.append(settlement_of(row, decision))
        stamps.add(row, decision, due_at)
    ledger.settle(store, settlements, purses)
    stamps.write(store)


def waits_to_join(row: Due) -> bool:
    return row.asked_state == "enrolled" and row.customer_state == "guest"


def fact_of(row: Due, order: dict[str, Any] | None) -> Fact:
    asked = row.asked_state
    if asked == "enrolled" and row.customer_state != "guest":
        asked = ""
    properties = row.properties or {}
    if row.action in goals.ACTIONS:  # the running totals as they are now, not as they were
        properties = {"orders_count": row.orders_count, "orders_total": str(row.orders_total)}
    return Fact(row.action, row.occurred_at, properties, order, asked, row.asked_points)


def stand(row: Due, decision: Decision, granted: Rule | None, now: datetime) -> datetime | None:
    """Settle the state between what was and what is decided; returns when to look again."""
    if granted is not None and decision.rule is None:
        decision.state, decision.rule = "void", granted  # what it was paid for no longer holds
    if decision.state == "approved" and decision.approve_at and decision.approve_at > now:
        decision.state = "pending"
        return decision.approve_at
    if decision.state == "void" and row.state == "pending" and row.asked_state != "void":
        decision.state = "declined"  # taken back before it was approved, unless the caller says otherwise
    return None


def settlement_of(row: Due, decision: Decision) -> Settlement:
    settlement = Settlement(
        row.customer_id, f"activity:{row.id}", reason=decision.rule.name if decision.rule else "",
        effective_at=moment_of(row, decision), is_first=row.is_first,
    )  # fmt: skip
    if decision.state == "approved":
        settlement.points = decision.points
    elif decision.state == "pending":
        settlement.pending = decision.points
    return settlement


def moment_of(row: Due, decision: Decision) -> datetime | None:
    """When it became true: the fact's own time, then its approval's; None, a correction, is true as of now."""
    if row.is_first:
        return row.occurred_at
    return decision.approve_at if row.state == "pending" else None


class Stamps:
    """What is written on activities. Many come out alike: each outcome is sent once, with the ids it is of."""

    def __init__(self) -> None:
        self.ids: dict[tuple, list[int]] = defaultdict(list)

    def add(self, row: Due, decision: Decision, due_at: datetime | None) -> None:
        """A voided activity keeps the points it was last worth."""
        points = decision.points if decision.state in ("approved", "pending") else (row.points or decision.granted)
        explanation = recordset(decision.data | {"state": decision.state})
        paid_by = (decision.rule.id, decision.rule.version) if decision.rule else (None, None)
        self.ids[decision.state, str(points), *paid_by, explanation, due_at].append(row.id)

    def write(self, store: Store) -> None:
        rows = [
            {
                "ids": ids, "state": state, "points": points, "rule_id": rule_id, "rule_version": rule_version,
                "decision": orjson.Fragment(explanation), "due_at": due_at,
            }
            for (state, points, rule_id, rule_version, explanation, due_at), ids in self.ids.items()
        ]  # fmt: skip
        run_set(STAMP, {"store": store.pk, "rows": recordset(rows)}, is_prepared=True)


def orders_of(store: Store, rows: Iterable[Due]) -> dict[int, dict[str, Any]]:
    ids = {row.order_id for row in rows if row.order_id}
    if not ids:
        return {}
    return {
        order.pk: {
            "total": str(order.total), "subtotal": str(order.subtotal), "tax": str(order.tax),
            "shipping": str(order.shipping), "discount": str(order.discount), "refunded": str(order.refunded),
            "items": order.items, "discount_codes": order.discount_codes, "is_cancelled": order.is_cancelled,
            "is_refunded": order.is_refunded, "is_awardable": order.is_awardable, "awardable_at": order.awardable_at,
        }
        for order in store.orders.filter(pk__in=ids)
    }  # fmt: skip
