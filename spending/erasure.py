"""What this app holds of a person beyond its customer, and forgetting it. Codes and points stay as they are."""

from typing import Any

from customers.erasure import Traces, forget_admin_history, unseen
from customers.models import Customer

from .models import Redemption
from .redemption_serializers import RedemptionSerializer

PERSONAL_CHECKS = ("tags_any", "tags_none")


def known(customer: Customer) -> dict[str, Any]:
    store = customer.store
    taken = store.redemptions.filter(customer=customer).select_related("customer", "reward", "replaced_by")
    return {"redemptions": RedemptionSerializer(taken.order_by("pk"), many=True, context={"store": store}).data}


def erase(customer: Customer, traces: Traces) -> None:
    store = customer.store
    taken = list(store.redemptions.filter(customer=customer).order_by("pk").select_for_update(of=("self",)))
    for row in taken:
        decision = row.decision | {"checks": unseen(row.decision.get("checks", []), PERSONAL_CHECKS)}
        # Whoever makes a code now still needs what it noted.
        details = row.details if row.state == Redemption.State.PENDING else {}
        Redemption.objects.filter(store=store, pk=row.pk).update(decision=decision, details=details, cancel_reason="")
    store.fulfilments.filter(redemption__in=taken).update(error="")
    forget_admin_history(Redemption, [row.pk for row in taken], "Redemption")
