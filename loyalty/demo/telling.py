"""Tells the year to the product as a shop would, day by day, and has it applied: nothing is written past the verbs."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby

from django.db.models import Max

from customers import enrolment, newcomers
from customers.identities import Identity
from customers.models import Customer, OrderNotice
from earning import activities, applying, calendar_facts, orders
from earning.activities import NewActivity
from earning.models import Activity, OrderFact
from loyalty.stores.batches import drain, work
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending import order_notices

from .history import Did, Happening, Joined, Judged, Ordered
from .people import Person
from .redeeming import Shoppers


def tell(store: Store, happened: list[Happening]) -> None:
    """Tell what happened, oldest first, and have it applied in that order.

    Each stretch is one transaction, so one that was told before is complete and is left alone.
    """
    by_day = {day: list(group) for day, group in groupby(happened, key=lambda one: one.at.date())}
    with acting_for(store.pk):
        last, shoppers = last_told(store), Shoppers(store)
    for days in stretches(by_day):
        if last and days[0] <= last:
            continue
        with acting_for(store.pk):
            calendar_facts.record(store, days)
            for day in days:
                for run in runs(by_day.get(day, []), is_in_turn=len(days) == 1):
                    tell_run(store, run, shoppers)
                    if len(days) == 1:
                        work(OrderFact, store.pk, orders.apply)
            apply(store)
            shoppers.date_what_was_paid()
            shoppers.take(days[-1], len(days))


def last_told(store: Store) -> date | None:
    latest = store.entries.aggregate(latest=Max("effective_at"))["latest"]
    return latest and store.local(latest).date()


def stretches(by_day: dict[date, list[Happening]]) -> Iterator[list[date]]:
    """The days in groups that may be applied together: up to a week, and no deed after an order of the same person,
    since orders are applied last and the statement would turn their sequence round. The latest, which people see
    first, one by one."""
    first, last = min(by_day), max(by_day)
    days: list[date] = []
    bought: set[str] = set()
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        happened = by_day.get(day, [])
        is_full = bool(days) and (len(days) == 7 or (last - day).days < 7)
        if is_full or not bought.isdisjoint(one.person.email for one in happened if isinstance(one, Did)):
            yield days
            days, bought = [], set()
        days.append(day)
        bought |= {
            one.data["customer"]["email"] for one in happened if isinstance(one, Ordered) and one.kind == "status"
        }
    yield days


def runs(happened: list[Happening], *, is_in_turn: bool) -> list[list[Happening]]:
    """A day that people look at closely is told in turns, so that its orders stand among the deeds where they were."""
    if not is_in_turn:
        return [happened]
    return [list(group) for _, group in groupby(happened, key=lambda one: isinstance(one, Ordered))]


def apply(store: Store) -> None:
    work(OrderFact, store.pk, orders.apply)
    work(OrderNotice, store.pk, order_notices.apply)
    drain(Activity, store.pk, applying.apply)  # orders reach goals, which are due then


def tell_run(store: Store, happened: list[Happening], shoppers: Shoppers) -> None:
    news: list[NewActivity] = []
    facts: list[OrderFact] = []
    if joined := [one for one in happened if isinstance(one, Joined)]:
        join_all(store, joined)
    for one in happened:
        match one:
            case Joined():
                news.append(NewActivity("sign_up", identity_of(one.person), one.person.email, one.at))
            case Did():
                news.append(NewActivity(one.action, identity_of(one.person), one.key, one.at, one.properties))
            case Ordered():
                facts.append(fact_of(store, shoppers.pay(one)))
            case Judged():
                activities.ask(store.activities.get(action=one.action, external_id=one.key), one.state)
    if news:
        activities.record_many(store, news)
    if facts:
        orders.record_facts(store, facts)


def fact_of(store: Store, told: Ordered) -> OrderFact:
    return OrderFact(
        store=store, order_external_id=told.order, kind=told.kind, identity=told.identity, data=told.data, source="api"
    )


def join_all(store: Store, joined: list[Joined]) -> None:
    newcomers.welcome(store, [identity_of(one.person) for one in joined])
    made = store.customers.filter(external_id__in=[one.person.external_id for one in joined])
    known = {customer.external_id: customer for customer in made}
    for one in joined:
        join(store, known[one.person.external_id], one)


def join(store: Store, customer: Customer, joined: Joined) -> None:
    person = joined.person
    enrolment.update_profile(
        customer, first_name=person.first_name, last_name=person.last_name, birthday=person.birthday,
        tags=list(person.tags),
    )  # fmt: skip
    enrolment.enrol(customer)
    # The verbs say now, and a birthday entered just now would earn nothing for a month.
    Customer.objects.filter(store=store, pk=customer.pk).update(
        created_at=joined.at, enrolled_at=joined.at, birthday_set_at=joined.at if person.birthday else None
    )


def identity_of(person: Person) -> Identity:
    return Identity.of(external_id=person.external_id, email=person.email)
