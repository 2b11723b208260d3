"""Goals: paid once when a customer's running total reaches them, taken back if a refund undoes it."""

from datetime import datetime

from django.utils import timezone

from loyalty.stores.models import Store

from .actions import KINDS, Goal, money
from .models import Activity, EarningRule

ACTIONS = {key for key, kind in KINDS.items() if isinstance(kind, Goal)}


def reconsider(store: Store, bought_at: dict[int, datetime]) -> None:
    """Make the goal activities of these customers due: new ones that are reached, and all that exist.

    `bought_at` says when each customer last bought: the moment a goal counts as reached.
    """
    rules = list(store.rules.filter(kind__in=ACTIONS))
    if not rules:
        return
    customers = list(store.customers.filter(pk__in=bought_at))
    Activity.objects.bulk_create(
        [
            Activity(
                store=store, customer=customer, action=rule.action, external_id=f"{rule.public_id}:{customer.pk}",
                asked_rule=rule, source="goal", occurred_at=bought_at[customer.pk],
            )
            for rule in rules
            for customer in customers
            if rule.is_enabled and is_reached(rule, customer)
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    store.activities.filter(customer__in=customers, action__in=ACTIONS, asked_rule__in=rules).update(
        due_at=timezone.now()
    )


def is_reached(rule: EarningRule, customer) -> bool:
    kind = KINDS[rule.kind]
    return isinstance(kind, Goal) and money(getattr(customer, kind.total)) >= kind.goal(rule.settings)
