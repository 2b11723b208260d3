"""Pages and scrolling of this wire's lists, and what they cost: a page, however long the list is."""

import base64
import json
from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from loyalty.stores import bounded_json
from loyalty.stores.models import Store

from .errors import invalid
from .filters import Fields, narrowed, required, sort
from .shapes import MAX_INT, read_uuid

COUNTED = 5_000  # more rows are estimated
MAX_ITEMS = 50
MAX_PAGE = 500

# --- Pages ------------------------------------------------------------------------------------


def page(
    rows: QuerySet,
    fields: Fields,
    query: QueryDict,
    render: Callable[[Any], dict[str, Any]],
    store: Store | None = None,
    *,
    scrolls: bool = False,
) -> dict[str, Any]:
    """The answer of a list. Ids grow with time, so they stand for createdAt: any page costs the same."""
    found = narrowed(rows, fields, query, store)
    size = read_page(query, "_itemsOnPage", 10, MAX_ITEMS)
    if scrolls and "_scroll" in query:
        return scroll(found, str(query["_scroll"]), size, render, store)
    start = (read_page(query, "_page", 1, MAX_PAGE if scrolls else MAX_INT) - 1) * size
    shown = [render(row) for row in sort(found, fields, query)[start : start + size]]
    everything, is_estimate = count(rows)
    filtered, is_guess = (everything, is_estimate) if found is rows else count(found)
    return {
        "items": shown,
        "total": {"all": everything, "filtered": filtered, "estimated": is_estimate or is_guess},
    }


def read_page(query: QueryDict, name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    if not 1 <= number <= most:
        raise invalid(name)
    return number


def count(rows: QuerySet) -> tuple[int, bool]:
    """How many, and whether that is the planner's guess."""
    keys = rows.order_by().values("pk")
    exact = keys[: COUNTED + 1].count()
    if exact <= COUNTED:
        return exact, False
    [plan] = json.loads(keys.explain(format="json"))
    return max(exact, int(plan["Plan"]["Plan Rows"])), True


# --- Scrolling --------------------------------------------------------------------------------


def scroll(
    rows: QuerySet, token: str, size: int, render: Callable[[Any], dict[str, Any]], store: Store | None
) -> dict[str, Any]:
    """The rows after a token, oldest first."""
    if token:
        rows = rows.filter(pk__gt=key_at(rows, store, token))
    shown = list(rows.order_by("pk")[:size])
    return {"items": [render(row) for row in shown], "scroll": {"next": token_of(shown[-1]) if shown else None}}


def token_of(row: Any) -> str:
    place = {"createdAt": row.created_at.isoformat(), "id": str(row.public_id)}
    return base64.b64encode(json.dumps(place).encode()).decode()


def key_at(rows: QuerySet, store: Store | None, token: str) -> int:
    try:
        place = bounded_json.loads(base64.b64decode(token.replace(" ", "+"), validate=True))  # "+" in a query
        row_id = required(read_uuid(place["id"]))
    except (ValueError, TypeError, KeyError) as error:
        raise invalid("_scroll") from error
    key = rows.model._default_manager.filter(store=store, public_id=row_id).values_list("pk", flat=True).first()
    if key is None:
        raise invalid("_scroll")
    return key
