"""Goals: paid once when a customer's running total reaches them, taken back if a refund undoes it."""

from datetime import datetime

from customers.models import Customer
from loyalty.stores.models import Store

from .actions import KINDS, Goal, money
from .models import Activity, EarningRule

ACTIONS = {key for key, kind in KINDS.items() if isinstance(kind, Goal)}


def of_customers(store: Store, bought_at: dict[int, datetime]) -> list[str]:
    """The external ids of these customers' goal activities, after making those that are reached.

    `bought_at` says when each customer last bought: the moment a goal counts as reached.
    """
    rules = list(store.rules.filter(kind__in=ACTIONS))
    if not rules:
        return []
    customers = list(store.customers.filter(pk__in=bought_at))
    Activity.objects.bulk_create(
        [
            Activity(
                store=store, customer=customer, action=rule.action, external_id=name_of(rule, customer),
                asked_rule=rule, source="goal", occurred_at=bought_at[customer.pk],
            )
            for rule in rules
            for customer in customers
            if rule.is_enabled and is_reached(rule, customer)
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return [name_of(rule, customer) for rule in rules for customer in customers]


def name_of(rule: EarningRule, customer: Customer) -> str:
    return f"{rule.public_id}:{customer.pk}"


def is_reached(rule: EarningRule, customer: Customer) -> bool:
    kind = KINDS[rule.kind]
    return isinstance(kind, Goal) and money(getattr(customer, kind.total)) >= kind.goal(rule.settings)
