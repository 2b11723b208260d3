"""Birthdays and anniversaries: a fact per customer and year, written on the day in the store's time zone.

The fact's id is (customer, year), so running again, late or twice records nothing new.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import cast

from django.db.models import Q, QuerySet
from django.utils import timezone

from customers.models import Customer
from loyalty.stores import broker
from loyalty.stores.facts import told_now
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from .activities import APPLY
from .models import Activity

CATCH_UP = 7  # days: what a stopped scheduler may have missed

Dates = dict[tuple[int, int], date]  # months and days, and the day that each is kept on


def record_all(now: datetime) -> None:
    for store in Store.objects.all():
        with acting_for(store.pk):
            today = store.local(now).date()
            if record(store, [today - timedelta(days=back) for back in range(CATCH_UP)]):
                broker.nudge(APPLY, store.pk)


def record(store: Store, days: list[date]) -> int:
    """Record the facts of some days; returns how many are new or were known."""
    kinds = set(
        store.rules.filter(kind__in=("birthday", "anniversary"), is_enabled=True).values_list("kind", flat=True)
    )
    theirs = {date_: day for day in days for date_ in kept_on(day)}
    facts: list[Activity] = []
    with timezone.override(store.tz):  # a month and day are the store's
        if "birthday" in kinds:
            facts += birthdays(store, theirs)
        if "anniversary" in kinds:
            facts += anniversaries(store, theirs)
    return len(Activity.objects.bulk_create(facts, ignore_conflicts=True))


def birthdays(store: Store, theirs: Dates) -> Iterator[Activity]:
    for customer in on_any(store, "birthday", theirs):
        birthday = cast(date, customer.birthday)
        midnight = store.midnight(theirs[birthday.month, birthday.day])
        if customer.birthday_set_at and customer.birthday_set_at < midnight:
            yield fact(store, customer, "birthday", midnight)


def anniversaries(store: Store, theirs: Dates) -> Iterator[Activity]:
    for customer in on_any(store, "first_order_at", theirs):
        first = store.local(cast(datetime, customer.first_order_at))
        midnight = store.midnight(theirs[first.month, first.day])
        if first < midnight - timedelta(days=360):
            yield fact(store, customer, "anniversary", midnight)


def kept_on(day: date) -> list[tuple[int, int]]:
    """The dates, as month and day, that are kept on this one: in a common year 29 February is on the 28th."""
    is_for_two = (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3
    return [(2, 28), (2, 29)] if is_for_two else [(day.month, day.day)]


def on_any(store: Store, field: str, dates: Iterable[tuple[int, int]]) -> QuerySet[Customer]:
    """Customers whose `field` is one of these dates of a year, in the active time zone."""
    return store.customers.filter(
        reduce(or_, (Q(**{f"{field}__month": month, f"{field}__day": day}) for month, day in dates))
    )


def fact(store: Store, customer: Customer, action: str, midnight: datetime) -> Activity:
    return Activity(
        store=store, customer=customer, action=action, external_id=f"{customer.pk}:{midnight.year}",
        occurred_at=midnight, source="calendar", **told_now(),
    )  # fmt: skip
