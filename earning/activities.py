"""What customers did: recorded once, amended by whoever may say what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers import enrolment
from customers.enrolment import Identity
from customers.models import Customer
from loyalty.stores import broker
from loyalty.stores.models import Store
from loyalty.stores.sets import recordset
from loyalty.stores.tenancy import acting_for, store_list

from .models import Activity

APPLY = "earning.tasks.apply_due"


class ActivityConflict(ValueError):
    """The same action and external id were told before, of another customer."""


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


# The common case in one statement: a known customer, named consistently, and a fact not told before.
# Whatever it leaves out (unknown person, changed e-mail, repeat) is looked at one by one. The limit tells the
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


def record(store: Store, new: NewActivity) -> Recorded:
    """Store one activity and nudge a worker. Told again it returns the first, unchanged."""
    [recorded] = record_many(store, [new])
    if isinstance(recorded, Exception):
        raise recorded
    return recorded


def record_many(store: Store, news: list[NewActivity]) -> list[Recorded | Exception]:
    """The same for many: one answer each, in order; a bad one does not hold back the rest."""
    public_ids = [uuid7() for _ in news]
    known = insert_known(store, news, public_ids)
    answers: list[Recorded | Exception] = [
        known.get(public_id) or record_slowly(store, new, public_id)
        for new, public_id in zip(news, public_ids, strict=True)
    ]
    broker.nudge(APPLY, store.pk)
    return answers


def insert_known(store: Store, news: list[NewActivity], public_ids: list[UUID]) -> dict[UUID, Recorded]:
    by_id: list[dict[str, Any]] = []
    by_email: list[dict[str, Any]] = []
    for new, public_id in zip(news, public_ids, strict=True):
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
        else:
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
        "occurred_at": (new.occurred_at or timezone.now()).isoformat(), "properties": new.properties,
        "asked_state": new.asked_state, "asked_rule_id": new.asked_rule_id,
        "asked_points": None if new.asked_points is None else str(new.asked_points),
        "customer_external_id": identity.external_id, "email": identity.email,
        "phone": identity.phone, "card_number": identity.card_number,
    }  # fmt: skip


def record_slowly(store: Store, new: NewActivity, public_id: UUID) -> Recorded | Exception:
    try:
        with acting_for(store.pk):
            if repeat := find_repeat(store, new):
                return repeat
            customer = enrolment.identify(store, new.identity, is_registered=new.is_registered)
            made = Activity(
                store=store, public_id=public_id, customer=customer, action=new.action, external_id=new.external_id,
                source=new.source, occurred_at=new.occurred_at or timezone.now(), properties=new.properties,
                asked_state=new.asked_state, asked_points=new.asked_points, asked_rule_id=new.asked_rule_id,
            )  # fmt: skip
            Activity.objects.bulk_create([made], ignore_conflicts=True)
            if row := store.activities.filter(public_id=public_id).only("pk").first():
                return Recorded(row.pk, public_id, customer.pk, True)
            return find_repeat(store, new) or ActivityConflict(
                "This activity was stored by a twin call; send it again."
            )
    except ValueError as error:  # an identity or a conflict: the caller's to mend
        return error


def find_repeat(store: Store, new: NewActivity) -> Recorded | None:
    if not new.external_id:
        return None
    first = store.activities.filter(action=new.action, external_id=new.external_id).first()
    if first is None:
        return None
    told = enrolment.find(store, new.identity)
    if told is not None and told.pk != first.customer_id:
        raise ActivityConflict(f"“{new.external_id}” was reported before for another customer.")
    return Recorded(first.pk, first.public_id, first.customer_id, False)


def join(store: Store, identity: Identity, *, source: str, external_id: str = "") -> Customer:
    """Enrol and record "create an account", which pays the joining rule and frees what waited for it."""
    customer = enrolment.identify(store, identity, is_registered=True)
    enrolment.enrol(customer)
    known_as = Identity.of(customer.external_id, customer.email, customer.phone, customer.card_number)
    record(store, NewActivity("sign_up", known_as, external_id=external_id or f"customer:{customer.pk}", source=source))
    return customer


def release_waiting(store_id: int, customer_ids: Iterable[int]) -> None:
    """Facts that waited for their customer to join are due now."""
    Activity.objects.filter(
        store_id=store_id, customer_id__in=list(customer_ids), state=Activity.State.PENDING, asked_state="enrolled"
    ).update(due_at=timezone.now())


def ask(activity: Activity, state: str) -> None:
    """Note what was said of an activity; the next evaluation follows it. In the caller's transaction."""
    with transaction.atomic():
        Activity.objects.filter(store_id=activity.store_id, pk=activity.pk).update(
            asked_state=state, due_at=timezone.now(), attempts=0
        )
    broker.nudge(APPLY, activity.store_id)
