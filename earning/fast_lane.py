"""One usual activity, told with a key that was seen in the last minute: stored by a single statement.

This stands in front of ActivityViewSet.create and never behaves otherwise: for whatever is not usual it gives
None with nothing done, and the view starts from the beginning. What never changes about a key is remembered;
whether it is still good is asked by the statement itself, and without a good key no row is visible to it.
"""

from collections.abc import Callable
from functools import wraps

import orjson
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from uuid_utils.compat import uuid7

from loyalty.stores import authentication, broker, rate_limits
from loyalty.stores.authentication import Seen
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.parsers import read_body
from loyalty.stores.problems import as_response, problem_of
from loyalty.stores.sets import recordset

from . import naming
from .activities import APPLY
from .inserting import BY_EXTERNAL_ID, NewActivity, Recorded, row_of
from .intake import Accepted, at_a_glance

ACT_FOR_KEY = """
SELECT set_config('app.stores', COALESCE((
    SELECT store_id::text FROM stores_apikey
     WHERE digest = %(digest)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
       AND 'write' = ANY (scopes)), ''), true);
"""
INSERT = ACT_FOR_KEY + BY_EXTERNAL_ID
UNUSUAL = ("HTTP_IDEMPOTENCY_KEY", "HTTP_PREFER", "HTTP_CONTENT_ENCODING")


def with_fast_lane(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def tell(request: HttpRequest) -> HttpResponse:
        return (request.method == "POST" and tell_fast(request)) or view(request)

    return tell


def tell_fast(request: HttpRequest) -> HttpResponse | None:
    key = authentication.seen(request)
    new = key and usual(request, key)
    if not key or not new or connection.in_atomic_block:
        return None
    taken = rate_limits.take_for(request, key.pk)
    if taken and not taken.is_allowed:
        return None
    try:
        recorded = insert(key, new)
    except DatabaseError as error:
        if problem := problem_of(error, {}):
            return as_response(problem)
        raise
    if recorded is None:
        return None
    broker.nudger.nudge(APPLY, key.store_id)
    body = orjson.dumps(Accepted(new, recorded).receipt)
    return HttpResponse(body, "application/json", 201, headers=taken.headers if taken else None)


def usual(request: HttpRequest, key: Seen) -> NewActivity | None:
    """What is told, when nothing about the call is special."""
    if request.content_type != "application/json" or request.content_params or any(map(request.META.get, UNUSUAL)):
        return None
    try:
        told = at_a_glance(loads(read_body(request)))
    except (BadJSON, TooLarge):
        return None
    action = told and naming.known_action(key.store_id, told["action"])
    if not told or not action or ("occurred_at" in told and not told["occurred_at"].tzinfo):
        return None
    return NewActivity(
        action, told["customer"]["identity"], told["external_id"], told.get("occurred_at"), told["properties"]
    )


def insert(key: Seen, new: NewActivity) -> Recorded | None:
    rows = recordset([row_of(new, uuid7())])
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {"digest": key.digest, "store": key.store_id, "rows": rows, "count": 1})
        cursor.nextset()
        stored = cursor.fetchone()
    return stored and Recorded(*stored, is_new=True)
