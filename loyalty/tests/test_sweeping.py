"""What lies due is found without beat, and applied without a broker or a worker that listens."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from customers.identities import Identity
from earning import activities
from earning.activities import NewActivity
from loyalty import sweeping
from loyalty.stores import broker
from loyalty.sweeping import Sweeper

pytestmark = pytest.mark.django_db


@pytest.fixture
def lying(store, customer, add_rule, monkeypatch):
    """A fact that no worker was told of."""
    add_rule(store, "visit", points=7)
    with monkeypatch.context() as silent:
        silent.setattr(broker, "nudge", lambda task, store_id: None)
        activities.record(store, NewActivity("visit", Identity.of(external_id="c1"), external_id="v1"))
    store.activities.update(due_at=timezone.now() - sweeping.LATE / 2)
    return store.activities.get()


def test_a_worker_is_told_of_what_lies_due(store, lying, monkeypatch):
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(broker, "nudge", lambda task, store_id: told.append((task, store_id)))
    Sweeper().look()
    assert told == [("earning.tasks.apply_due", store.pk)]


def test_a_crowded_queue_gets_nothing_on_top(lying, monkeypatch):
    told: list[object] = []
    monkeypatch.setattr(broker, "nudge", lambda *args: told.append(args))
    monkeypatch.setattr(broker, "queue_length", lambda: sweeping.CROWDED)
    Sweeper().look()
    assert told == []


def test_what_lies_due_is_applied_once_the_broker_was_away_for_a_while(store, lying, customer, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(broker.client, "set", away)
    sweeper = Sweeper()
    sweeper.look()
    assert store.activities.get().applied_at is None  # it may be back in a moment
    sweeper.away_since -= sweeping.AWAY
    sweeper.look()
    assert store.activities.get().applied_at and customer.wallets.get().balance == 7


def test_what_no_worker_takes_is_applied_though_the_broker_is_well(store, lying, customer, monkeypatch):
    """A worker may run and hear nothing, for ever: Celery's has lost its place in the queue before."""
    monkeypatch.setattr(broker, "nudge", lambda *args: None)
    Sweeper().look()
    assert store.activities.get().applied_at is None
    store.activities.update(due_at=timezone.now() - sweeping.LATE - timedelta(seconds=1))
    Sweeper().look()
    assert store.activities.get().applied_at and customer.wallets.get().balance == 7


def test_a_turn_of_work_ends_so_that_others_are_looked_at_again(monkeypatch):
    done: list[int] = []
    monkeypatch.setattr(sweeping, "WORK", [(sweeping.Activity, done.append), (sweeping.OrderFact, done.append)])
    monkeypatch.setattr(sweeping, "stores_due", lambda model, idle, untouched: [1, 2])
    sweeping.work(sweeping.LATE)
    assert done == [1, 2, 1, 2]
    monkeypatch.setattr(sweeping, "TURN", -1.0)
    sweeping.work(sweeping.LATE)
    assert done == [1, 2, 1, 2, 1]


def test_what_a_worker_held_a_moment_ago_is_left_to_workers(store, lying, monkeypatch):
    """It may be poison, which a worker survives that is started again and limited in its time."""
    monkeypatch.setattr(broker, "nudge", lambda *args: None)
    now = timezone.now()
    store.activities.update(due_at=now - timedelta(hours=1), attempts=3, claimed_until=now - timedelta(seconds=5))
    Sweeper().look()
    assert store.activities.get().applied_at is None
    store.activities.update(claimed_until=now - sweeping.LATE - timedelta(seconds=1))
    Sweeper().look()
    assert store.activities.get().applied_at


@pytest.mark.django_db(transaction=True)
def test_one_looks_at_a_time(lying, monkeypatch):
    told: list[object] = []
    monkeypatch.setattr(broker, "nudge", lambda *args: told.append(args))
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [sweeping.LOCK])
        Sweeper().look()
        assert told == []
        cursor.execute("SELECT pg_advisory_unlock(%s)", [sweeping.LOCK])
    other.close()
    Sweeper().look()
    assert len(told) == 1
