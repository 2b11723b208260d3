"""A person's right to see what is known of them, and to be forgotten: each app does its own part."""

from typing import Any

from django.db import transaction
from django.db.models import TextChoices

from customers import erasure as customers
from customers.erasure import Traces
from customers.models import Customer, Event, Topic
from earning import erasure as earning
from integrations import erasure as integrations
from loyalty.postgresql.waiting import take_time
from spending import erasure as spending

# Customers' own last: what the others hold is found by the names it has.
PARTS = (integrations, spending, earning, customers)
LONGEST = 120  # seconds: whoever has been here for years is in more rows than an ordinary statement may read


class Reason(TextChoices):
    """Why somebody is erased. A list, since the note of it stays for ever and must name nobody."""

    ASKED = "asked", "The person asked for it"
    NOT_NEEDED = "not_needed", "Their data is not needed any more"
    MISTAKE = "mistake", "They should never have been stored"
    ORDERED = "ordered", "An authority ordered it"


def export(customer: Customer) -> dict[str, Any]:
    """All that is known of a person, as plain values."""
    take_time(LONGEST)
    return {name: value for part in reversed(PARTS) for name, value in part.known(customer).items()}


@transaction.atomic
def erase(customer: Customer, reason: str, *, actor: str) -> bool:
    """Forget a person in every table, for good; points, orders and codes stay. False: it was done before."""
    take_time(LONGEST)
    customer = customer.store.customers.select_related("store").select_for_update(of=("self",)).get(pk=customer.pk)
    if customer.is_erased:
        return False
    traces = Traces.of(customer)
    for part in PARTS:
        part.erase(customer, traces)
    Event.objects.create(
        store=customer.store, customer=customer, topic=Topic.CUSTOMER_ERASED,
        data={"reason": Reason(reason).value, "actor": actor},
    )  # fmt: skip
    return True
