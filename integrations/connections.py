"""A store's links to wire languages: connect, rotate the secret, note what came in."""

import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction

from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.secrets import new_secret

from .dialects import Dialect
from .models import Connection

NOTE_EVERY = timedelta(minutes=1)


def connect(store: Store, dialect: Dialect, name: str = "", **settings: Any) -> tuple[Connection, str]:
    """Link a store to a dialect. Returns the connection and its secret in clear, which is shown once."""
    secret = new_secret()
    connection = Connection(
        store=store,
        dialect=dialect.key,
        name=name or dialect.label,
        key=secrets.token_hex(16),
        settings=dialect.default_settings() | settings,
    )
    connection.seal(secret)
    connection.save()
    return connection, secret


def rotate(connection: Connection) -> str:
    """A new secret, in clear for once; the one before it is good for another day."""
    secret = new_secret()
    connection.rotate(secret)
    return secret


@transaction.atomic
def configure(connection: Connection, **settings: Any) -> None:
    """Change some settings and leave the others as they are, whoever else changes them now."""
    connection.refresh_from_db(fields=["settings"], from_queryset=Connection.objects.select_for_update())
    connection.settings |= settings
    connection.save(update_fields=["settings"])


def note_call(connection: Connection, call: str) -> None:
    """Remember the latest call, to the minute: a write per call would cost more than it tells."""
    now = clock.now()
    if connection.last_call_at is None or now - connection.last_call_at > NOTE_EVERY:
        note(connection, last_call_at=now, last_call=call[:100])


def note_error(connection: Connection, error: str) -> None:
    now = clock.now()
    if connection.last_error_at is None or now - connection.last_error_at > NOTE_EVERY:
        note(connection, last_error_at=now, last_error=error[:255])


@transaction.atomic
def note(connection: Connection, **fields: Any) -> None:
    """Write it unless somebody holds the row just now: no caller waits for a note."""
    free = Connection.objects.select_for_update(skip_locked=True).filter(pk=connection.pk)
    Connection.objects.filter(pk__in=free.values("pk")).update(**fields)
