"""Our rows in this wire's form: whole points, times to the millisecond, their names of things."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet

from customers.models import Customer
from earning.models import Activity, EarningRule
from integrations.models import Connection
from loyalty.stores.models import Store

from . import names
from .authentication import Credential

NO_RULE = {"id": None, "name": None, "title": None}


def points(value: Decimal) -> int:
    return int(value)  # toward zero


def moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_relations(store: Store, activities: QuerySet[Activity]) -> QuerySet[Activity]:
    """With all that `activity` shows, whatever the number of rows."""
    wallets = Prefetch("customer__wallets", store.wallets.filter(unit="points"))
    return activities.select_related("customer", "rule").prefetch_related(wallets).defer("decision", "properties")


def activity(row: Activity) -> dict[str, Any]:
    return {
        "id": row.pk,
        "merchant_id": row.external_id or None,
        "created_at": moment(row.received_at),
        "value": points(row.points),
        "state": row.state,
        "rule": rule(row.rule) if row.rule else NO_RULE,
        "customer": customer(row.customer),
    }


def rule(row: EarningRule) -> dict[str, Any]:
    return {"id": row.pk, "name": names.of_rule(row), "title": row.name}


def customer(row: Customer) -> dict[str, Any]:
    """The six fields that stand for a customer inside other things."""
    [wallet] = row.wallets.all()
    return {
        "id": row.pk,
        "merchant_id": row.external_id,
        "email": row.email,
        "points_pending": points(wallet.pending),
        "points_approved": points(wallet.balance),
        "points_spent": points(wallet.spent),
    }


def whoami(credential: Credential) -> dict[str, Any]:
    store_id = credential.connection.store_id
    return {
        "kind": credential.kind,
        "account_id": store_id,
        "program_id": store_id,
        "scopes": list(credential.scopes),
        "integration": None,
    }


def site(connection: Connection) -> dict[str, Any]:
    store = connection.store
    return {
        "id": store.pk,
        "name": store.name,
        "url": f"https://{store.domain}" if store.domain else None,
        "platform": "custom",
        "currency": store.currency,
        "language": "en",
    }
