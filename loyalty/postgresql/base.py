"""Django's PostgreSQL, which waits for no answer for ever, and whose pool hands out no connection that the server has
ended meanwhile.

Django can ask the server before each use, which costs a round trip a request. A connection that a restart ended
has told so already: there is something to read on it, and on one that lies idle there never is.
"""

import select
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from .waiting import Connection


class DatabaseWrapper(base.DatabaseWrapper):
    Database: Any = SimpleNamespace(**vars(psycopg) | {"connect": Connection.connect})

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(settings_dict, *args, **kwargs)
        if pool := settings_dict["OPTIONS"].get("pool"):
            pool.setdefault("connection_class", Connection)

    def ensure_connection(self) -> None:
        """Between two transactions a link that is over is replaced. Django would begin the next one on it, believe
        itself inside of it ever after, and refuse to open another."""
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
            self.connection = None
        super().ensure_connection()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        while self.pool and is_ended(connection):
            self.pool.putconn(connection)  # which replaces it
            connection = super().get_new_connection(conn_params)
        return connection


def is_ended(connection: psycopg.Connection) -> bool:
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if not waiting.poll(0):
        return False
    try:
        connection.execute("")  # perhaps it was only a notice
    except psycopg.OperationalError:
        return True
    return False
