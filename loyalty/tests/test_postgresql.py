"""Connections whose server ends them or falls silent: a restart, a fail-over, an administrator, a broken link."""

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.utils import ConnectionHandler

from loyalty.local.ports import HOST
from loyalty.postgresql import waiting
from loyalty.tests.faults.proxy import Proxy


@pytest.fixture
def pooled(transactional_db) -> Iterator[Any]:
    """A connection as web processes have it, of a pool of one."""
    configured = settings.DATABASES["default"]
    options = configured["OPTIONS"] | {"pool": {"min_size": 1, "max_size": 1, "timeout": 4}}
    changed = {"ENGINE": "loyalty.postgresql", "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "OPTIONS": options}
    used = connections["default"].settings_dict
    changed |= {name: used[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    pooled: Any = ConnectionHandler({"default": configured | changed})["default"]
    yield pooled
    pooled.close()
    pooled.close_pool()


def ask(pooled: Any) -> int:
    """What a request does: take a connection, ask, give it back. Returns the server's process."""
    pid = ask_within(pooled)
    pooled.close()
    return pid


def ask_within(one: Any) -> int:
    """In the transaction that is open."""
    with one.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # and wait for it
        assert cursor.fetchone() == (True,)


def test_the_first_request_after_the_server_ended_its_connection_is_answered(pooled):
    first = ask(pooled)
    end(first)
    assert ask(pooled) != first


def test_a_connection_that_is_well_is_used_again_without_asking_the_server(pooled, monkeypatch):
    first = ask(pooled)
    asked: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr("psycopg.Connection.execute", lambda *args: asked.append(args))
        assert (ask(pooled), asked) == (first, [])


@pytest.fixture
def behind_proxy(transactional_db) -> Iterator[tuple[Any, Proxy]]:
    """A connection as workers have it, over a link that can fall silent."""
    used = connections["default"].settings_dict
    with Proxy(int(used["PORT"]), random.Random(1)) as proxy:
        changed = {name: used[name] for name in ("NAME", "USER", "PASSWORD")} | {"HOST": HOST, "PORT": proxy.port}
        one: Any = ConnectionHandler({"default": settings.DATABASES["default"] | changed})["default"]
        yield one, proxy
        one.close()


def test_an_answer_that_never_comes_is_not_waited_for(behind_proxy, monkeypatch):
    one, proxy = behind_proxy
    one.ensure_connection()
    one.connection.patience = 0.3
    with proxy.silence(), pytest.raises(OperationalError):
        ask(one)
    assert one.connection is None or not one.is_usable()
    one.close()
    assert ask(one)


class TimeLimit(Exception):
    """What a worker's signal handler raises, wherever it strikes."""


def strike(*_: object) -> None:
    raise TimeLimit


def test_after_a_time_limit_struck_in_commit_the_next_transaction_begins_on_a_new_link(behind_proxy, monkeypatch):
    one, proxy = behind_proxy
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: one)
    handler = signal.signal(signal.SIGALRM, strike)
    try:
        with ExitStack() as stack, pytest.raises((TimeLimit, DatabaseError)), transaction.atomic():
            ask_within(one)
            stack.enter_context(proxy.silence())
            signal.setitimer(signal.ITIMER_REAL, 0.3)
    finally:
        signal.signal(signal.SIGALRM, handler)
    for _ in range(2):
        with transaction.atomic():
            assert ask_within(one)
        assert not one.in_atomic_block and one.get_autocommit()


def test_a_transaction_may_be_given_more_time_and_the_next_has_as_much_as_usual(transactional_db):
    with transaction.atomic(), connection.cursor() as cursor:
        waiting.take_time(120)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("2min",) and connection.connection.patience > 120
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("20s",) and connection.connection.patience == waiting.USUAL
