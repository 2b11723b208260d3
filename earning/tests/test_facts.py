"""Facts outlive whatever goes wrong around them."""

import contextlib
import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg.errors import DeadlockDetected, LockNotAvailable

from conftest import balance, make_customer, open_store
from customers.identities import Identity
from customers.models import Wallet
from earning import activities, applying, tasks
from earning.activities import NewActivity
from earning.models import Activity
from loyalty.stores import batches, broker
from loyalty.stores.facts import ERROR_LIMIT, MAX_ATTEMPTS, retry


def told(store, customer, **fields):
    return activities.record(store, NewActivity("custom:read", Identity.of(external_id=customer.external_id), **fields))


@pytest.fixture
def rule(store, add_rule):
    return add_rule(store, name="Read", points=10)


def later(store):
    """The claims of a dead or failed worker have run out."""
    store.activities.filter(due_at__isnull=False).update(claimed_until=timezone.now() - timedelta(seconds=1))


def test_a_poison_row_is_quarantined_and_the_others_go_through(store, customer, rule, monkeypatch):
    poison = make_customer(store, "poison")
    bad, good = told(store, poison), told(store, customer)
    real = applying.settlement_of

    def fails(row, decision):
        if row.customer_id == poison.pk:
            raise RuntimeError("poison \x00 " + "x" * 10_000)
        return real(row, decision)

    monkeypatch.setattr(applying, "settlement_of", fails)
    for _ in range(6):
        batches.drain(Activity, store.pk, applying.apply, seconds=5)
        later(store)
    row = store.activities.get(pk=bad.id)
    assert row.quarantined_at and row.attempts == 5 and row.due_at is None
    assert row.error.startswith("RuntimeError: poison") and len(row.error) <= ERROR_LIMIT
    assert balance(customer) == 10 and store.activities.get(pk=good.id).applied_at

    monkeypatch.setattr(applying, "settlement_of", real)
    assert retry(store.activities.filter(pk=bad.id)) == 1
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    assert balance(poison) == 10


def test_what_was_given_up_and_then_applied_is_stuck_no_longer(store, customer, rule, work):
    activity = store.activities.get(pk=told(store, customer).id)
    store.activities.filter(pk=activity.pk).update(quarantined_at=timezone.now(), due_at=None, error="Boom", attempts=5)

    activities.ask(activity, "approved")
    work(store)

    activity.refresh_from_db()
    assert (activity.quarantined_at, activity.error, balance(customer)) == (None, "", 10)


def test_a_fact_that_kills_its_worker_is_given_up_alone(store, customer, rule):
    killer, beside = told(store, customer), told(store, customer)
    for _ in range(5):  # claimed by workers that die at it
        store.activities.filter(pk=killer.id).update(due_at=timezone.now() - timedelta(seconds=1))
        _, claimed, _ = batches.claim(Activity, store.pk)
        assert killer.id in claimed
        later(store)
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    row = store.activities.get(pk=killer.id)
    assert row.quarantined_at and row.error == "RuntimeError: The worker ended while it applied this."
    assert store.activities.get(pk=beside.id).applied_at and balance(customer) == 10


def test_a_claim_of_a_dead_worker_runs_out_and_its_late_return_writes_nothing(store, customer, rule):
    told(store, customer)
    token, claimed, _ = batches.claim(Activity, store.pk)
    assert batches.claim(Activity, store.pk)[1] == []  # held
    later(store)
    assert batches.drain(Activity, store.pk, applying.apply, seconds=5) == 1
    batches.attempt(Activity, store.pk, applying.apply, token, claimed, is_last_try=True)
    assert balance(customer) == 10 and store.entries.count() == 1


def test_facts_whose_link_ended_are_due_again_at_once_and_nothing_is_held_against_them(store, customer, rule):
    def cut(store_id, token, ids):
        raise OperationalError("server closed the connection unexpectedly")

    told(store, customer), told(store, customer)
    for _ in range(MAX_ATTEMPTS + 1):
        assert batches.work(Activity, store.pk, cut) == 2
    assert set(store.activities.values_list("attempts", "claimed_until")) == {(0, None)}
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    assert balance(customer) == 20


def test_a_claim_whose_answer_got_lost_is_given_back(store, customer, rule, monkeypatch):
    def taken_and_cut(*args):
        claimed_with(*args)
        raise OperationalError("server closed the connection unexpectedly")

    claimed_with = batches.claimed_with
    told(store, customer)
    with monkeypatch.context() as cut:
        cut.setattr(batches, "claimed_with", taken_and_cut)
        with pytest.raises(OperationalError):
            batches.work(Activity, store.pk, applying.apply)
    assert set(store.activities.values_list("attempts", "claimed_until")) == {(0, None)}
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    assert balance(customer) == 10


def test_the_sweep_finds_what_no_message_tells_of(store, customer, rule, monkeypatch):
    nudged = []
    monkeypatch.setattr(broker, "nudge", lambda task, store_id: nudged.append((task, store_id)))
    told(store, customer)
    nudged.clear()
    tasks.sweep()
    assert nudged == []  # fresh facts have a message of their own
    store.activities.update(due_at=timezone.now() - timedelta(seconds=5))
    tasks.sweep()
    assert nudged == [("earning.tasks.apply_due", store.pk)]


def test_a_silent_broker_never_fails_what_was_stored(
    store, customer, rule, monkeypatch, django_capture_on_commit_callbacks
):
    def down(*args, **kwargs):
        raise ConnectionError("no broker")

    monkeypatch.setattr(broker.client, "set", down)
    monkeypatch.setattr(broker, "_closed_until", 0.0)
    with django_capture_on_commit_callbacks(execute=True):
        recorded = told(store, customer)
    assert recorded.is_new and broker.is_paused()
    monkeypatch.setattr(broker, "_closed_until", 0.0)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_apply_each_fact_once_and_keep_the_limit(add_rule):
    store = open_store("busy")
    add_rule(store, name="Read", points=10, limit="count", limit_value=30, limit_period="ever")
    customer = make_customer(store, "c1")
    activities.record_many(
        store, [NewActivity("custom:read", Identity.of(external_id="c1"), external_id=f"a{n}") for n in range(200)]
    )

    def worker():
        while batches.work(Activity, store.pk, applying.apply, limit=7):
            pass
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    assert Wallet.objects.get(customer=customer).balance == 300
    assert store.activities.filter(applied_at__isnull=True).count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_backlog_is_drained_from_two_connections_and_each_fact_applied_once(add_rule):
    store = open_store("busy")
    add_rule(store, name="Read", points=10)
    customer = make_customer(store, "c1")
    total = 3 * batches.BATCH + 7
    for start in range(0, total, 500):
        activities.record_many(
            store,
            [
                NewActivity("custom:read", Identity.of(external_id="c1"), external_id=f"a{number}")
                for number in range(start, min(start + 500, total))
            ],
        )
    backends = set()

    def apply(store_id, token, ids):
        backends.add(connection.connection.info.backend_pid)
        applying.apply(store_id, token, ids)

    assert batches.drain(Activity, store.pk, apply) == total
    assert len(backends) == 2
    assert Wallet.objects.get(customer=customer).balance == 10 * total == 10 * store.entries.count()


def test_facts_that_wait_for_a_lock_one_after_the_other_give_the_rest_back(store, customer, rule, monkeypatch):
    for _ in range(3):
        told(store, customer)
    tried: list[list[int]] = []

    def is_in_the_way(store_id, token, ids):
        tried.append(ids)
        raise OperationalError("canceling statement due to lock timeout") from LockNotAvailable()

    monkeypatch.setattr(batches, "ALONE", -1.0)
    batches.work(Activity, store.pk, is_in_the_way)
    assert len(tried) == 1 and len(tried[0]) == 3
    assert set(store.activities.values_list("attempts", "claimed_until")) == {(0, None)}
    assert batches.drain(Activity, store.pk, applying.apply) == 3 and balance(customer) == 30


def test_a_batch_that_meets_a_deadlock_is_begun_again_as_a_whole(store, customer, rule, monkeypatch):
    told(store, customer), told(store, customer)
    tried: list[list[int]] = []

    def collides_once(store_id, token, ids):
        tried.append(ids)
        if len(tried) == 1:
            raise OperationalError("deadlock detected") from DeadlockDetected()
        applying.apply(store_id, token, ids)

    batches.work(Activity, store.pk, collides_once)
    assert len(tried) == 2 and tried[0] == tried[1] and balance(customer) == 20


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("There are no words for it.")


def test_an_error_that_cannot_even_be_told_is_noted_by_its_name(store, customer, rule, monkeypatch):
    told(store, customer)

    def fails(*args):
        raise Speechless

    batches.work(Activity, store.pk, fails)
    assert store.activities.get().error == "Speechless"


@pytest.mark.django_db(transaction=True)
def test_whoever_applies_facts_holds_wallets_briefly(store, customer, rule):
    seen: list[tuple[str, str]] = []

    def look(store_id, token, ids):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
            )
            seen.append(cursor.fetchone())
        applying.apply(store_id, token, ids)

    told(store, customer)
    batches.work(Activity, store.pk, look)
    assert seen == [("300ms", "5s")] and balance(customer) == 10


@pytest.mark.django_db(transaction=True)
def test_a_wallet_that_is_held_delays_nobody_elses_points(store, customer, rule):
    """The batch is given up after a second; then each alone: the others get theirs, the held one comes again."""
    other = make_customer(store, "c2")
    held, free = told(store, customer), told(store, other)
    other_link = connection.copy()
    other_link.set_autocommit(False)
    with contextlib.closing(other_link), other_link.cursor() as cursor:
        cursor.execute("SELECT set_config('app.stores', %s, true)", [str(store.pk)])
        cursor.execute("SELECT 1 FROM customers_wallet WHERE customer_id = %s FOR UPDATE", [customer.pk])
        started = time.monotonic()
        batches.work(Activity, store.pk, applying.apply)
        assert time.monotonic() - started < 5  # what a session waits for a lock by itself
        assert balance(other) == 10 and not customer.wallets.filter(balance__gt=0)
    row = store.activities.get(pk=held.id)
    assert row.attempts == 1 and row.claimed_until - timezone.now() < batches.AGAIN
    later(store)
    batches.drain(Activity, store.pk, applying.apply, seconds=5)
    assert balance(customer) == 10 and store.activities.get(pk=free.id).applied_at


def test_a_fact_that_never_ends_is_given_up_like_any_other(store, customer, rule, monkeypatch):
    monkeypatch.setattr(batches, "LONGEST", 0.2)
    endless = make_customer(store, "endless")
    bad, good = told(store, endless, properties={"endless": True}), told(store, customer)
    evaluate = applying.evaluate

    def loops(fact, *args):
        while fact.properties:
            pass
        return evaluate(fact, *args)

    monkeypatch.setattr(applying, "evaluate", loops)
    for _ in range(5):
        batches.drain(Activity, store.pk, applying.apply, seconds=5)
        later(store)
    row = store.activities.get(pk=bad.id)
    assert row.quarantined_at and row.error == "TookTooLong: It took longer than 0.2 s."
    assert store.activities.get(pk=good.id).applied_at and balance(customer) == 10
