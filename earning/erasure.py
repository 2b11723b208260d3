"""What this app holds of a person beyond its customer, and forgetting it. Orders and points stay as they are."""

import hashlib
from typing import Any

from django.db.models import Q

from customers.erasure import Traces, unseen
from customers.models import Customer
from loyalty.stores.models import Store

from .models import Activity, Order, OrderFact
from .order_serializers import OrderSerializer
from .serializers import ActivitySerializer

PERSONAL_CHECKS = ("tags_any", "tags_none", "birthday_known", "url")


def known(customer: Customer) -> dict[str, Any]:
    store = customer.store
    activities = store.activities.filter(customer=customer).select_related("customer", "rule", "order").order_by("pk")
    orders = store.orders.filter(customer=customer).select_related("customer").order_by("pk")
    facts = facts_of(store, customer, Traces.of(customer)).order_by("pk")
    return {
        "activities": ActivitySerializer(activities, many=True, context={"store": store}).data,
        "orders": OrderSerializer(orders, many=True).data,
        "order_facts": list(facts.values("order_external_id", "kind", "data", "source", "received_at")),
    }


def erase(customer: Customer, traces: Traces) -> None:
    """Facts that wait are forgotten too: an order that names nobody is kept, and nobody earns from it."""
    store = customer.store
    for fact in facts_of(store, customer, traces).select_for_update().iterator():
        fact.data.pop("customer", None)
        OrderFact.objects.filter(store=store, pk=fact.pk).update(data=fact.data, error="")
    for activity in store.activities.filter(customer=customer).only("store", "external_id", "decision").iterator():
        Activity.objects.filter(store=store, pk=activity.pk).update(
            properties={}, error="", external_id=unnamed(activity.external_id, traces),
            decision=forgetful(activity.decision),
        )  # fmt: skip


def facts_of(store: Store, customer: Customer, traces: Traces) -> Any:
    """What was told of their orders, and of orders that are not folded yet but name them."""
    theirs = Order.objects.filter(store=store, customer=customer).values("external_id")
    return store.order_facts.filter(
        Q(order_external_id__in=theirs)
        | Q(data__customer__external_id__in=sorted(traces.ids))
        | Q(data__customer__email__in=sorted(traces.words))
    )


def unnamed(external_id: str, traces: Traces) -> str:
    """A shop may have called a fact by the person's address. What replaces it still makes no second fact of it."""
    if not traces.are_written_in(external_id):
        return external_id
    return f"erased:{hashlib.sha256(external_id.encode()).hexdigest()}"


def forgetful(decision: dict[str, Any] | None) -> dict[str, Any] | None:
    if not decision or "rules" not in decision:
        return decision
    return decision | {
        "rules": [rule | {"checks": unseen(rule["checks"], PERSONAL_CHECKS)} for rule in decision["rules"]]
    }
