"""Calls are kept once, applied once, and every end is visible. A tiny dialect stands in for the real ones."""

import hashlib
import threading
from datetime import timedelta
from typing import ClassVar

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations import answering, connections, inbox, registry, tasks
from integrations.answering import Answer
from integrations.dialects import Dialect
from integrations.models import InboundEvent
from loyalty.stores import broker
from loyalty.stores.facts import MAX_ATTEMPTS
from loyalty.stores.tenancy import acting_for


class Echo(Dialect):
    key, label = "echo", "Echo"

    def __init__(self) -> None:
        self.heard: list[str] = []

    REFUSED: ClassVar = {"bad": inbox.Rejected("This is bad."), "odd": inbox.NotUnderstood("What is this?")}

    def process_many(self, rows):
        if any(row.body == "poison" for row in rows):
            raise RuntimeError("boom\x00")
        self.heard += [row.body for row in rows if row.body not in self.REFUSED]
        return [self.REFUSED.get(row.body) for row in rows]


@pytest.fixture
def echo(monkeypatch):
    dialect = Echo()
    monkeypatch.setitem(registry.DIALECTS, "echo", dialect)
    return dialect


@pytest.fixture
def link(store, echo):
    return connections.connect(store, echo)[0]


def state(store):
    return dict(store.inbound_events.values_list("body", "outcome"))


def test_a_call_is_kept_once_and_applied_once(store, link, echo, work):
    assert inbox.accept(link, "said", "1", "hello")
    assert not inbox.accept(link, "said", "1", "hello")
    assert inbox.accept(link, "said", "2", "again")
    work(store)
    work(store)
    assert echo.heard == ["hello", "again"]
    assert state(store) == {"hello": "applied", "again": "applied"}


def test_bad_odd_and_poisonous_calls_do_not_hold_back_the_rest(store, link, echo, work):
    for body in ("bad", "odd", "poison", "hello"):
        inbox.accept(link, "said", body, body)
    work(store)
    assert state(store) == {"bad": "rejected", "odd": "unknown", "poison": "waiting", "hello": "applied"}
    assert store.inbound_events.get(body="bad").error == "This is bad."
    assert echo.heard == ["hello"]
    for _ in range(MAX_ATTEMPTS):
        InboundEvent.objects.update(claimed_until=None)
        work(store)
    poison = store.inbound_events.get(body="poison")
    assert poison.quarantined_at
    assert poison.error == "RuntimeError: boom\\0"


def test_what_was_not_applied_can_be_applied_once_more(store, link, echo, work):
    inbox.accept(link, "said", "1", "odd")
    inbox.accept(link, "said", "2", "known", outcome="unknown", error="There is no such event.")
    work(store)
    assert echo.heard == []
    assert inbox.reconsider(store.inbound_events.all()) == 2
    work(store)
    assert echo.heard == ["known"]
    assert state(store) == {"odd": "unknown", "known": "applied"}


def test_a_call_of_a_dialect_that_is_gone_is_kept_for_its_return(store, link, echo, work, monkeypatch):
    inbox.accept(link, "said", "1", "hello")
    monkeypatch.delitem(registry.DIALECTS, "echo")
    work(store)
    assert state(store) == {"hello": "waiting"}


def test_a_state_told_again_is_applied_again_but_not_while_it_waits(store, link, echo, work):
    inbox.accept(link, "state", "1", "hello")
    inbox.accept_again(link, "state", "1", "hello", is_state=True)
    work(store)
    assert echo.heard == ["hello"]
    inbox.accept_again(link, "state", "1", "hello", is_state=False)
    inbox.accept_again(link, "state", "1", "hello", is_state=True)
    inbox.accept_again(link, "state", "1", "hello", is_state=True)
    work(store)
    assert echo.heard == ["hello", "hello"]


# --- How long a body is kept --------------------------------------------------------------------


def age(store, days, **fields):
    store.inbound_events.update(received_at=timezone.now() - timedelta(days=days), **fields)


def test_after_ninety_days_only_the_digest_of_a_body_is_left(store, other_store, link, echo, work):
    inbox.accept(link, "said", "1", "zoë")
    work(store)
    age(store, 89)
    tasks.forget_bodies()
    assert state(store) == {"zoë": "applied"}
    age(store, 91)
    tasks.forget_bodies()
    kept = store.inbound_events.get()
    assert (kept.body, bytes(kept.body_digest)) == ("", hashlib.sha256("zoë".encode()).digest())
    assert not inbox.accept(link, "said", "1", "zoë")  # a repeat for ever


def test_bodies_are_forgotten_in_batches_until_none_is_left(store, link, echo, work):
    for number in range(5):
        inbox.accept(link, "said", str(number), "hello")
    work(store)
    age(store, 91)
    inbox.forget_bodies(store.pk, batch=2)
    assert not store.inbound_events.exclude(body="").exists()


def test_a_body_is_kept_while_its_call_is_still_to_be_applied(store, link, echo):
    inbox.accept(link, "said", "1", "hello")
    age(store, 91)
    tasks.forget_bodies()
    assert state(store) == {"hello": "waiting"}


def test_what_was_forgotten_cannot_be_applied_again_until_it_is_told_again(store, link, echo, work):
    inbox.accept(link, "said", "1", "hello", outcome="unknown", error="There is no such event.")
    assert store.inbound_events.open().exists()
    age(store, 91)
    tasks.forget_bodies()
    assert not store.inbound_events.open().exists()
    inbox.accept_again(link, "said", "1", "hello", is_state=False)
    work(store)
    assert (echo.heard, state(store)) == (["hello"], {"hello": "applied"})


def test_what_was_not_understood_is_tried_when_it_is_told_again(store, link, echo, work):
    inbox.accept(link, "said", "1", "hello", outcome="unknown", error="There is no such event.")
    assert not inbox.accept(link, "said", "1", "hello")
    inbox.accept_again(link, "said", "1", "hello", is_state=False)
    work(store)
    assert (echo.heard, state(store)) == (["hello"], {"hello": "applied"})


@pytest.mark.django_db(transaction=True)
class TestCommitted:
    def test_accepting_is_durable_and_queues_one_drain(self, store, link):
        broker.client.flushdb()
        for number in range(3):
            assert inbox.accept(link, "said", str(number), "hello")
        assert broker.queue_length() == 1
        with acting_for(store.pk):
            assert store.inbound_events.count() == 3

    def test_the_sweep_finds_what_a_lost_message_left_behind(self, store, link, echo):
        inbox.accept(link, "said", "1", "hello")
        broker.client.flushdb()
        tasks.sweep()
        assert broker.queue_length() == 0  # not yet late
        with acting_for(store.pk):
            InboundEvent.objects.update(due_at=timezone.now() - timedelta(seconds=5))
        tasks.sweep()
        assert broker.queue_length() == 1
        tasks.apply_due(store.pk)
        tasks.sweep()
        assert echo.heard == ["hello"]
        assert broker.queue_length() == 1

    def test_twins_are_kept_once(self, store, link):
        assert sorted(at_once(8, lambda: inbox.accept(link, "said", "1", "hello"))) == [False] * 7 + [True]

    def test_twins_of_an_answered_call_wait_for_the_first_answer(self, store, link):
        performed = []

        def perform(kept):
            performed.append(kept.pk)
            return Answer(200, {"number": len(performed)})

        def call():
            kept = answering.answer_once(link, "ask", "1", "{}", perform)
            return kept.answer.body["number"], kept.is_first

        assert sorted(at_once(6, call)) == [(1, False)] * 5 + [(1, True)]
        assert len(performed) == 1

    def test_twins_within_the_time_are_one_call(self, store, link):
        def call():
            answer = Answer(200, {})
            return answering.answer_once(
                link, "ask", "1", "{}", lambda kept: answer, within=timedelta(minutes=10)
            ).is_first

        assert sorted(at_once(6, call)) == [False] * 5 + [True]

    def test_a_failing_call_leaves_no_trace(self, store, link):
        with pytest.raises(ZeroDivisionError):
            answering.answer_once(link, "ask", "1", "{}", lambda kept: 1 / 0)
        with acting_for(store.pk):
            assert not store.inbound_events.exists()

    def test_a_connection_lost_in_between_is_mended(self, store, link):
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        killer = threading.Thread(target=terminate, args=[pid])
        killer.start()
        killer.join()
        assert inbox.accept(link, "said", "1", "hello")

    def test_without_a_broker_calls_are_kept_as_well(self, store, link, monkeypatch):
        with monkeypatch.context() as away:
            away.setattr(broker, "client", broker.redis.Redis(port=1, socket_connect_timeout=0.2))
            away.setattr(broker, "_closed_until", 0.0)
            assert inbox.accept(link, "said", "1", "hello")
            assert broker.is_paused()


def at_once(number, call):
    """Results of as many threads that start together."""
    start, results = threading.Barrier(number), []

    def run():
        start.wait()
        try:
            results.append(call())
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def terminate(pid):
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    database.close()
