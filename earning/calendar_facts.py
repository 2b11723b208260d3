"""Birthdays and anniversaries: a fact per customer and year, written on the day in the store's time zone.

The fact's id is (customer, year), so running again, late or twice records nothing new.
"""

from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from customers.models import Customer
from loyalty.stores import broker
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .activities import APPLY
from .models import Activity

CATCH_UP = 7  # days: what a stopped scheduler may have missed


def record_all(now: datetime) -> None:
    for store in Store.objects.all():
        with acting_for(store.pk), timezone.override(store.tz):  # a month and day are the store's
            today = store.local(now).date()
            if sum(record(store, today - timedelta(days=back)) for back in range(CATCH_UP)):
                broker.nudge(APPLY, store.pk)


def record(store: Store, day: date) -> int:
    """Record the facts of one day; returns how many are new or were known."""
    kinds = set(
        store.rules.filter(kind__in=("birthday", "anniversary"), is_enabled=True).values_list("kind", flat=True)
    )
    midnight = datetime.combine(day, time(), store.tz)
    facts: list[Activity] = []
    if "birthday" in kinds:
        born = store.customers.filter(on_day("birthday", day), birthday_set_at__lt=midnight)
        facts += [fact(store, customer, "birthday", midnight) for customer in born]
    if "anniversary" in kinds:
        first = store.customers.filter(on_day("first_order_at", day), first_order_at__lt=midnight - timedelta(days=360))
        facts += [fact(store, customer, "anniversary", midnight) for customer in first]
    return len(Activity.objects.bulk_create(facts, ignore_conflicts=True))


def on_day(field: str, day: date) -> Q:
    found = Q(**{f"{field}__month": day.month, f"{field}__day": day.day})
    if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
        found |= Q(**{f"{field}__month": 2, f"{field}__day": 29})  # born on 29 February
    return found


def fact(store: Store, customer: Customer, action: str, midnight: datetime) -> Activity:
    return Activity(
        store=store, customer=customer, action=action, external_id=f"{customer.pk}:{midnight.year}",
        occurred_at=midnight, source="calendar",
    )  # fmt: skip
