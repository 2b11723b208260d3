"""How long an answer of the server's is waited for.

The server ends a statement that takes too long, and tells so. A link that is gone without a word tells nothing: who
waits on it would wait for ever, with its thread, its locks and its task.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection as current
from psycopg.pq import TransactionStatus

USUAL = 25.0  # seconds: the server ends a statement after 20
FACT = 4.0  # a fact's sender waits for no longer
SLACK = 5


class Connection(psycopg.Connection):
    patience: float | None = USUAL

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except BaseException:  # also a task's time limit, which strikes anywhere
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # the answer may still come, and must not be taken for another's
            raise

    def commit(self) -> None:
        try:
            super().commit()
        finally:
            self.patience = USUAL

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self.patience = USUAL


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Give up a link that does not answer sooner than usual. What was asked may be done all the same."""
    current.ensure_connection()
    link: Any = current.connection
    before, link.patience = link.patience, seconds
    try:
        yield
    finally:
        link.patience = before


def take_time(seconds: int) -> None:
    """The statements of this transaction may take so long; 0: as long as they like."""
    with current.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
    link: Any = current.connection
    link.patience = seconds + SLACK if seconds else None
