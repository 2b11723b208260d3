"""The activity list: what a person may narrow it to, and the rows that answer."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from customers.search import search
from loyalty.stores.fields import Day
from loyalty.stores.models import Store

from .actions import KINDS
from .models import Activity, EarningRule

CUSTOMERS_FOUND = 50  # a search by the beginning of an address looks at no more than these

STATES = [
    ("", "Any state"), ("waiting", "Waiting for you"), ("pending", "Pending"), ("approved", "Approved"),
    ("declined", "Declined"), ("void", "Void"), ("stuck", "Could not be applied"),
]  # fmt: skip


class ActivityFilter(forms.Form):
    q = forms.CharField(required=False, max_length=255)
    state = forms.ChoiceField(choices=STATES, required=False)
    action = forms.ChoiceField(required=False)
    rule = forms.ChoiceField(required=False)
    since, until = Day(), Day()

    def __init__(self, data: Any, *, store: Store):
        super().__init__(data)
        self.store = store
        found = list(store.rules.order_by("name"))
        labels = {kind.key: kind.label for kind in KINDS.values() if kind.key != "custom"}
        labels |= {rule.action: rule.name for rule in found if rule.kind == "custom"}
        self.fields["action"].choices = [("", "Any action"), *labels.items()]
        self.fields["rule"].choices = [("", "Any rule"), *((str(rule.public_id), rule.name) for rule in found)]
        for name in ("state", "action", "rule", "since", "until"):
            self.fields[name].widget.attrs |= {"aria-label": name.capitalize(), "data-submits": True}

    @property
    def chosen(self) -> dict[str, Any]:
        """What is asked. A wrong value in the address is the same as none."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def find(store: Store, chosen: dict[str, Any]) -> QuerySet[Activity]:
    rows = store.activities.select_related("customer", "rule", "order")
    if state := chosen.get("state"):
        rows = rows.filter(in_state(state))
    if action := chosen.get("action"):
        rows = rows.filter(action=action)
    if rule := chosen.get("rule"):
        rows = rows.filter(rule__public_id=rule)
    if since := chosen.get("since"):
        rows = rows.filter(occurred_at__gte=store.midnight(since))
    if until := chosen.get("until"):
        rows = rows.filter(occurred_at__lt=store.midnight(until + timedelta(days=1)))
    if text := chosen.get("q"):
        rows = rows.filter(named(store, text.strip()))
    return rows


def in_state(state: str) -> Q:
    if state == "stuck":
        return Q(quarantined_at__isnull=False)
    if state == "waiting":
        return waiting_by_hand()
    return Q(state=state)


def is_stuck(store: Store) -> bool:
    """Whether a fact, of an order or not, was given up and waits for a person."""
    stuck = in_state("stuck")
    return store.activities.filter(stuck).exists() or store.order_facts.filter(stuck).exists()


def waiting_by_hand() -> Q:
    """Pending because its rule asks a person, and nobody has said a word yet."""
    by_hand = Q(rule__approval=EarningRule.Approval.BY_HAND, asked_state="", decision__isnull=False)
    return Q(state=Activity.State.PENDING, due_at=None) & by_hand & (Q(order=None) | Q(order__is_awardable=True))


def named(store: Store, text: str) -> Q:
    """Of a customer who is found by this, or reported under this id."""
    customers = search(store.customers, text, [store]).values_list("id", flat=True)[:CUSTOMERS_FOUND]
    # Named actions let the index of (store, action, external_id) answer.
    actions = [*KINDS, *store.rules.filter(kind="custom").values_list("action", flat=True)]
    return Q(customer_id__in=list(customers)) | Q(action__in=actions, external_id=text)


def fingerprint(rows: Iterable[Activity]) -> str:
    """Changes when anything that the list shows has changed."""
    shown = [(row.pk, row.state, str(row.points), str(row.due_at), str(row.quarantined_at)) for row in rows]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
