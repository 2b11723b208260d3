"""Two connections that need the same rows: whoever waits goes on, and nobody is told of it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event

import pytest
from django.db import OperationalError, connections, transaction
from django.urls import reverse

from conftest import balance
from customers import enrolment, ledger
from customers.identities import Identity
from customers.models import Customer
from customers.tests.test_adjustments import until_blocked
from earning import activities, applying, orders
from earning.activities import NewActivity
from earning.models import Activity
from loyalty.stores.tenancy import acting_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def beside() -> Iterator:
    """Runs a call in a thread with a connection of its own; its result is asked for later."""
    with ThreadPoolExecutor(4) as pool:

        def run(call, *args) -> Future:
            def alone():
                try:
                    return call(*args)
                finally:
                    connections.close_all()

            return pool.submit(alone)

        yield run


@contextmanager
def reached(monkeypatch, owner, name: str) -> Iterator[tuple[Event, Event]]:
    """(somebody is about to call it, they may go on)"""
    arrived, may_go = Event(), Event()
    original = getattr(owner, name)

    def waiting(*args, **kwargs):
        arrived.set()
        assert may_go.wait(10)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, waiting)
    try:
        yield arrived, may_go
    finally:
        may_go.set()
        monkeypatch.setattr(owner, name, original)


def either_may_die() -> suppress:
    """PostgreSQL ends whoever has waited for a second first: the call, unless this machine is very busy."""
    return suppress(OperationalError)


def test_an_order_that_moves_a_goal_meets_a_worker_at_that_goal(store, customer, add_rule, work, beside):
    add_rule(store, "purchase", 1, settings={"points_per": "1"})
    add_rule(store, "goal_orders", 300, settings={"goal": 1})
    buy(store, customer, "o1")
    work(store)
    buy(store, customer, "o2")
    goal = store.activities.get(action="goal_orders")

    with transaction.atomic():
        store.activities.select_for_update().get(pk=goal.pk)
        working = beside(work, store)  # it comes to the goal's row, which is taken
        until_blocked(1)
        ledger.lock_wallets(store.pk, [customer.pk])  # what a worker holds while it waits there ends in a deadlock
    working.result(10)
    work(store)

    assert not store.activities.exclude(error="").exists()
    assert not store.order_facts.exclude(error="").exists()
    assert balance(customer) == 300 + 20


def buy(store, customer, order):
    data = {"status": "completed", "total": "10", "subtotal": "10", "customer": {"external_id": customer.external_id}}
    orders.record_fact(store, order, orders.Kind.STATUS, identity="1", data=data)


def test_a_decision_that_ran_into_a_deadlock_is_made_again(
    store, support, customer, add_rule, work, sign_in, beside, monkeypatch
):
    add_rule(store, name="Read", points=25, approval="by_hand")
    recorded = activities.record(store, NewActivity("custom:read", Identity.of(external_id=customer.external_id)))
    work(store)
    activity = Activity.objects.get(pk=recorded.id)
    client = sign_in(support)
    address = reverse("earning:activity_decide", args=[store.slug, activity.public_id])

    with either_may_die(), transaction.atomic():
        ledger.lock_wallets(store.pk, [customer.pk])
        deciding = beside(client.post, address, {"state": "approved"})
        until_blocked(1)  # it has the activity and waits for the wallet
        store.activities.select_for_update().get(pk=activity.pk)  # the page waited first, so it is the page that dies

    assert deciding.result(10).status_code == 302
    assert balance(customer) == 25


@pytest.mark.parametrize("path", ["approve", "decline", "void"])
def test_an_api_call_that_ran_into_a_deadlock_is_made_again(store, customer, add_rule, work, api, beside, path):
    add_rule(store, name="Read", points=25, approval="by_hand")
    recorded = activities.record(store, NewActivity("custom:read", Identity.of(external_id=customer.external_id)))
    work(store)

    with either_may_die(), transaction.atomic():
        ledger.lock_wallets(store.pk, [customer.pk])
        asking = beside(api.post, f"/api/v1/activities/{recorded.public_id}/{path}")
        until_blocked(1)
        store.activities.select_for_update().get(pk=recorded.id)

    assert asking.result(10).status_code == 200


# --- Joining while a fact is looked at as a guest's ---------------------------------------------


@pytest.fixture
def guest(store) -> Customer:
    return enrolment.identify(store, Identity.of(external_id="g1"))


def tell(store, guest) -> int:
    identity = Identity.of(external_id=guest.external_id)
    return activities.record(store, NewActivity("custom:read", identity, asked_state="enrolled")).id


def test_who_joins_while_a_fact_is_evaluated_as_a_guests_gets_its_points(store, guest, add_rule, work, beside):
    """Told, and looked at, before the joining is committed: neither sees the other."""
    add_rule(store, name="Read", points=25)
    with transaction.atomic():
        activities.enrol(guest)
        beside(told_and_applied, store, guest).result(10)
    work_later(store, work)
    assert balance(guest) == 25


def told_and_applied(store, guest) -> None:
    pk = tell(store, guest)
    with acting_for(store.pk):
        applying.apply_now(store, [pk])


def work_later(store, work) -> None:
    """What waits for a second look is due by now."""
    store.activities.filter(due_at__isnull=False).update(due_at="2026-01-01T00:00Z")
    work(store)


def test_who_joins_after_the_look_waits_until_it_is_stored(store, guest, add_rule, work, beside, monkeypatch):
    add_rule(store, name="Read", points=25)
    pk = tell(store, guest)
    with reached(monkeypatch, ledger, "settle") as (looked, may_go):
        applying_now = beside(apply_in, store, pk)
        assert looked.wait(10)
        joining = beside(join, store, guest)
        until_blocked(1)
        may_go.set()
        applying_now.result(10)
        joining.result(10)
    work_later(store, work)
    assert balance(guest) == 25


def apply_in(store, pk: int) -> None:
    with acting_for(store.pk):
        applying.apply_now(store, [pk])


def join(store, guest) -> None:
    with acting_for(store.pk):
        activities.enrol(guest)


def test_a_guests_fact_waits_without_being_looked_at_again(store, guest, add_rule, work):
    add_rule(store, name="Read", points=25)
    tell(store, guest)
    work(store)
    assert (store.activities.get().due_at, balance(guest)) == (None, 0)
    join(store, guest)
    work(store)
    assert balance(guest) == 25
