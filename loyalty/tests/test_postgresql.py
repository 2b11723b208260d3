"""The pool of a web process, when PostgreSQL ends its connections: a restart, a fail-over, an administrator."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.utils import ConnectionHandler


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
    with pooled.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    pooled.close()
    return pid


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
