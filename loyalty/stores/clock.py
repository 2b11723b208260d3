"""The database's time, whatever this machine's clock says: what one process makes due or valid, another looks at.

A process learns how far its clock is off when it takes a connection, once a minute at most, so asking costs nothing.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db.backends.signals import connection_created
from django.utils import timezone

GOOD = timedelta(milliseconds=250)  # a clock as near as this is right
EVERY = 60.0  # seconds

_ahead = timedelta(0)  # the database's clock is, of ours
_compared_at = float("-inf")


def now() -> datetime:
    return timezone.now() + _ahead


def compare(connection: Any, **kwargs: object) -> None:
    """Take the database's time, unless that was done within the last minute."""
    global _ahead, _compared_at
    if time.monotonic() < _compared_at + EVERY:
        return
    _compared_at = time.monotonic()
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        theirs, took = cursor.fetchone()[0], timezone.now() - before
    off = theirs - before - took / 2
    _ahead = off if abs(off) > GOOD + took else timedelta(0)


connection_created.connect(compare)
