"""How often one key may ask for data. Events have no limit: their senders do not send again."""

import time

from integrations.models import Connection
from loyalty.stores import broker

CALLS_PER_SECOND = 20


def allows(connection: Connection) -> bool:
    """Counts per second in the broker; while it is away, everything is allowed."""
    if broker.is_paused():
        return True
    key = f"rate:connection:{connection.pk}:{int(time.time())}"
    try:
        count, _ = broker.client.pipeline().incr(key).expire(key, 5).execute()
    except broker.UNREACHABLE as error:
        broker.pause(error)
        return True
    return count <= CALLS_PER_SECOND
