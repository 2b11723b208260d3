"""The list of redemptions: what a person may narrow it to, and the rows that answer."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from customers.search import search
from loyalty.stores.fields import Day
from loyalty.stores.models import Store

from .models import Redemption, code_key

CUSTOMERS_FOUND = 50  # a search by the beginning of an address looks at no more than these


class RedemptionFilter(forms.Form):
    q = forms.CharField(required=False, max_length=255)
    state = forms.ChoiceField(choices=[("", "Any state"), *Redemption.State.choices], required=False)
    reward = forms.ChoiceField(required=False)
    since, until = Day(), Day()

    def __init__(self, data: Any, *, store: Store):
        super().__init__(data)
        rewards = [(str(reward.public_id), reward.name) for reward in store.rewards.order_by("name")]
        self.fields["reward"].choices = [("", "Any reward"), *rewards]
        for name in ("state", "reward", "since", "until"):
            self.fields[name].widget.attrs |= {"aria-label": name.capitalize(), "data-submits": True}

    @property
    def chosen(self) -> dict[str, Any]:
        """What is asked. A wrong value in the address is the same as none."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def find(store: Store, chosen: dict[str, Any]) -> QuerySet[Redemption]:
    rows = store.redemptions.select_related("customer", "reward")
    if state := chosen.get("state"):
        rows = rows.filter(state=state)
    if reward := chosen.get("reward"):
        rows = rows.filter(reward__public_id=reward)
    if since := chosen.get("since"):
        rows = rows.filter(issued_at__gte=store.midnight(since))
    if until := chosen.get("until"):
        rows = rows.filter(issued_at__lt=store.midnight(until + timedelta(days=1)))
    if text := chosen.get("q"):
        rows = rows.filter(named(store, text.strip()))
    return rows


def named(store: Store, text: str) -> Q:
    """Of a customer who is found by this, or with this very code."""
    customers = search(store.customers.all(), text, [store]).values_list("id", flat=True)[:CUSTOMERS_FOUND]
    return Q(customer_id__in=list(customers)) | Q(code_key=code_key(text)) & ~Q(code="")
