"""One usual activity, told with a key that was seen in the last minute: stored by a single statement.

This stands in front of ActivityViewSet.create and never behaves otherwise: for whatever is not usual it gives
None with nothing done, and the view starts from the beginning. What never changes about a key is remembered;
whether it is still good is asked by the statement itself, and without a good key no row is visible to it.
"""

from collections.abc import Callable
from functools import wraps

import orjson
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from uuid_utils.compat import uuid7

from loyalty.postgresql.waiting import FACT, at_most
from loyalty.stores import authentication, broker, failpoints, rate_limits
from loyalty.stores.authentication import Seen
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.parsers import read_body
from loyalty.stores.problems import as_response, problem_of
from loyalty.stores.sets import recordset, run_set

from . import naming
from .activities import APPLY
from .inserting import NewActivity, Recorded
from .intake import Accepted, at_a_glance

# The store is named, for this statement alone, before a row is looked for: OFFSET 0 keeps that order.
INSERT = """
WITH acting AS MATERIALIZED (
    SELECT set_config('app.stores', COALESCE((
        SELECT store_id::text FROM stores_apikey
         WHERE digest = %(digest)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
           AND 'write' = ANY (scopes)), ''), true) AS store
)
INSERT INTO earning_activity (store_id, public_id, customer_id, action, external_id, source, occurred_at, properties,
    asked_state, state, points, received_at, due_at, attempts, error)
SELECT customer.store_id, %(public_id)s, customer.id, %(action)s, %(external_id)s, 'api',
    COALESCE(%(occurred_at)s, now()), %(properties)s::jsonb, '', 'pending', 0, now(), now(), 0, ''
  FROM acting CROSS JOIN LATERAL (
        SELECT id, store_id FROM customers_customer
         WHERE store_id = NULLIF(acting.store, '')::bigint AND external_id = %(customer)s OFFSET 0) AS customer
    ON CONFLICT DO NOTHING
RETURNING id, public_id, customer_id
"""
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
    except Error as error:
        if problem := problem_of(error, {}):
            return as_response(problem)
        raise
    if recorded is None:
        return None
    failpoints.reach("after-commit")
    broker.nudger.nudge(APPLY, key.store_id)
    body = orjson.dumps(Accepted(new, recorded).receipt)
    return HttpResponse(body, "application/json", 201, headers=taken.headers if taken else None)


def usual(request: HttpRequest, key: Seen) -> NewActivity | None:
    """What is told, when nothing about the call is special."""
    if request.content_type != "application/json" or request.content_params:
        return None
    if any(name in request.META for name in UNUSUAL):
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
    values = {
        "digest": key.digest, "public_id": uuid7(), "action": new.action, "external_id": new.external_id,
        "customer": new.identity.external_id, "occurred_at": new.occurred_at,
        "properties": recordset(new.properties),
    }  # fmt: skip
    failpoints.reach("before-commit")
    with at_most(FACT):
        stored = run_set(INSERT, values, is_prepared=True)
    return Recorded(*stored[0], is_new=True) if stored else None
