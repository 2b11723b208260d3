"""The common case in one statement: known customers, named consistently, and facts not told before."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from customers.identities import Identity
from loyalty.postgresql.waiting import FACT, at_most
from loyalty.stores import clock, failpoints
from loyalty.stores.models import Store
from loyalty.stores.sets import recordset
from loyalty.stores.tenancy import store_list


@dataclass(slots=True)
class NewActivity:
    """What a caller tells. `action` is a kind's key or `custom:<identifier>`; times are aware."""

    action: str
    identity: Identity
    external_id: str = ""
    occurred_at: datetime | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    asked_state: str = ""  # "approved", "pending", or "enrolled": pending until the customer joins
    asked_points: Decimal | None = None
    asked_rule_id: int | None = None
    source: str = "api"
    is_registered: bool = False  # the identity is of a shop account, not of a guest


@dataclass(slots=True)
class Recorded:
    id: int
    public_id: UUID
    customer_id: int
    is_new: bool


# Whatever it leaves out (unknown person, changed e-mail, repeat) `activities` looks at. The limit tells the
# planner how many rows there are; it would guess a hundred and read every customer of a small store.
INSERT_KNOWN = """
INSERT INTO earning_activity (store_id, public_id, customer_id, action, external_id, source, occurred_at, properties,
    asked_state, asked_points, asked_rule_id, state, points, received_at, due_at, attempts, error)
SELECT %(store)s, row.public_id, customer.id, row.action, row.external_id, row.source, row.occurred_at, row.properties,
    row.asked_state, row.asked_points, row.asked_rule_id, 'pending', 0, now(), now(), 0, ''
  FROM (SELECT * FROM json_to_recordset(%(rows)s::json) AS told (public_id uuid, action text, external_id text,
       source text, occurred_at timestamptz, properties jsonb, asked_state text, asked_points numeric,
       asked_rule_id bigint, customer_external_id text, email text, phone text, card_number text)
       LIMIT %(count)s) AS row
  JOIN customers_customer AS customer ON customer.store_id = %(store)s AND customer.{key} = row.{given}
   AND (row.email IS NULL OR row.email = customer.email)
   AND (row.phone IS NULL OR row.phone = customer.phone)
   AND (row.card_number IS NULL OR row.card_number = customer.card_number)
    ON CONFLICT DO NOTHING
RETURNING id, public_id, customer_id
"""
BY_EXTERNAL_ID = INSERT_KNOWN.format(key="external_id", given="customer_external_id")
BY_EMAIL = INSERT_KNOWN.format(key="email", given="email")


def insert_known(store: Store, news: dict[UUID, NewActivity]) -> dict[UUID, Recorded]:
    """Store what can be stored so; by public id."""
    by_id: list[dict[str, Any]] = []
    by_email: list[dict[str, Any]] = []
    for public_id, new in news.items():
        if new.is_registered:
            continue  # may turn a guest's id: identify decides
        (by_id if new.identity.external_id else by_email).append(row_of(new, public_id))
    found: dict[UUID, Recorded] = {}
    for statement, rows in ((BY_EXTERNAL_ID, by_id), (BY_EMAIL, by_email)):
        if rows:
            params = {"store": store.pk, "rows": recordset(rows), "count": len(rows)}
            for pk, public_id, customer_id in run_for(store, statement, params):
                found[public_id] = Recorded(pk, public_id, customer_id, True)
    return found


def run_for(store: Store, statement: str, params: dict[str, Any]) -> list[tuple]:
    """Run one statement for one store. Outside a transaction both go to the server in one message, which
    PostgreSQL runs as one transaction of its own: accepting a fact costs one round trip."""
    with connection.cursor() as cursor:
        if connection.in_atomic_block:
            cursor.execute(statement, params)
            return cursor.fetchall()
        failpoints.reach("before-commit")
        with at_most(FACT):
            cursor.execute(
                "SELECT set_config('app.stores', %(stores)s, true);" + statement,
                params | {"stores": store_list(store.pk)},
            )
        cursor.nextset()
        return cursor.fetchall()


def row_of(new: NewActivity, public_id: UUID) -> dict[str, Any]:
    identity = new.identity
    return {
        "public_id": str(public_id), "action": new.action, "external_id": new.external_id, "source": new.source,
        "occurred_at": (new.occurred_at or clock.now()).isoformat(), "properties": new.properties,
        "asked_state": new.asked_state, "asked_rule_id": new.asked_rule_id,
        "asked_points": None if new.asked_points is None else str(new.asked_points),
        "customer_external_id": identity.external_id, "email": identity.email,
        "phone": identity.phone, "card_number": identity.card_number,
    }  # fmt: skip
