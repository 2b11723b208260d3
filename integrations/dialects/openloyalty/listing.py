"""Lists on this wire: filters and sorting in the query, pages and scrolling, and what they cost.

A list says which `Field`s it knows. Others in a query are ignored; a bad operator or value of a known one is 400.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from loyalty.stores import bounded_json
from loyalty.stores.models import Store

from . import moments
from .errors import invalid
from .shapes import MAX_INT, read_number, read_uuid

COUNTED = 5_000  # more rows are estimated
MAX_ITEMS = 50
MAX_PAGE = 500
MAX_VALUES = 100
PARAMETER = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
LABEL = re.compile(r"\(([^;()]+);([^;()]*)\)")


# --- Fields -----------------------------------------------------------------------------------


def read_text(text: str, store: Store | None) -> str:
    if "\x00" in text:
        raise ValueError("NUL")
    return text


def required(value: Any) -> Any:
    if value is None:
        raise ValueError("unreadable")
    return value


def read_flag(text: str, store: Store | None) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def read_whole(text: str, store: Store | None) -> int:
    if not re.fullmatch(r"-?[0-9]{1,10}", text) or abs(int(text)) > MAX_INT:
        raise ValueError("not a whole number of 32 bits")
    return int(text)


READERS: dict[str, Callable[[str, Any], Any]] = {
    "text": read_text,
    "id": lambda text, store: required(read_uuid(text)),
    "number": lambda text, store: required(read_number(text)),
    "whole": read_whole,
    "moment": lambda text, store: moments.parse(text, store.tz),
    "day": lambda text, store: moments.parse(text, store.tz).astimezone(store.tz).date(),
    "flag": read_flag,
}
LOOKUPS = {
    "eq": "exact", "like": "icontains", "startsWith": "startswith", "in": "in", "gt": "gt", "gte": "gte",
    "lt": "lt", "lte": "lte",
}  # fmt: skip
OPPOSITES = {"neq": "eq", "notIn": "in", "notHasValue": "hasValue"}
ONLY_TEXT = {"like", "startsWith"}
ONLY_ORDERED = {"gt", "gte", "lt", "lte"}
UNORDERED = {"id", "flag"}


@dataclass(frozen=True)
class Field:
    """A name in queries. `source` is a column or an expression, `others` are further ones that may match too."""

    source: Any
    kind: str = "text"
    others: tuple[Any, ...] = ()

    @property
    def sources(self) -> tuple[Any, ...]:
        return (self.source, *self.others)


Fields = Mapping[str, Field]

# --- Filters ----------------------------------------------------------------------------------


def narrowed(rows: QuerySet, fields: Fields, query: QueryDict, store: Store | None) -> QuerySet:
    """Rows that every filter lets through."""
    for key, texts in query.lists():
        found = PARAMETER.fullmatch(key)
        field = found and fields.get(found[1])
        if not found or not field:
            continue
        operator = "eq" if found[2] is None else found[2]
        for text in texts:
            try:
                rows = narrow(rows, found[1], field, operator, text, store)
            except (ValueError, KeyError) as error:
                raise invalid(found[1]) from error
    return rows


def narrow(rows: QuerySet, name: str, field: Field, operator: str, text: str, store: Store | None) -> QuerySet:
    """Raises ValueError or KeyError for an operator or a value that does not fit the field."""
    rows, columns = named(rows, name, field)
    if field.kind == "labels":
        return rows.filter(labels_match(columns[0], operator, text))
    positive = OPPOSITES.get(operator, operator)
    if positive == "hasValue":
        met = reduce(or_, (Q((f"{column}__isnull", False)) for column in columns))
    else:
        value = read_value(field.kind, positive, text, store)
        lookup = LOOKUPS[positive]
        # Without a value it is unequal to any, which SQL does not say by itself.
        met = reduce(or_, (Q((f"{column}__isnull", False), (f"{column}__{lookup}", value)) for column in columns))
    return rows.exclude(met) if operator in OPPOSITES else rows.filter(met)


def read_value(kind: str, operator: str, text: str, store: Store | None) -> Any:
    if (operator in ONLY_TEXT and kind != "text") or (operator in ONLY_ORDERED and kind in UNORDERED):
        raise ValueError("not for this field")
    read = READERS[kind]
    if operator != "in":
        return read(text, store)
    values = text.split(",")
    if len(values) > MAX_VALUES:
        raise ValueError("too many")
    return [read(value, store) for value in values]


def named(rows: QuerySet, name: str, field: Field) -> tuple[QuerySet, list[str]]:
    """The columns of a field; an expression gets a name that filters can use."""
    columns = []
    for number, source in enumerate(field.sources):
        column = source
        if not isinstance(source, str):
            column = f"of_{name.replace(':', '_')}_{number}"
            rows = rows.alias(**{column: source})
        columns.append(column)
    return rows, columns


def labels_match(column: str, operator: str, text: str) -> Q:
    """`(key;value),(key;)`: any of these, the second with any value."""
    wanted = LABEL.findall(read_text(text, None))
    if operator != "eq" or not wanted or ",".join(f"({key};{value})" for key, value in wanted) != text:
        raise ValueError("not labels")
    each = ([{"key": key, "value": value}] if value else [{"key": key}] for key, value in wanted)
    return reduce(or_, (Q((f"{column}__contains", one)) for one in each))


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


def sort(rows: QuerySet, fields: Fields, query: QueryDict) -> QuerySet:
    order = []
    for key in query:
        found = PARAMETER.fullmatch(key)
        if not found or found[1] != "_orderBy":
            continue
        field, direction = fields.get(found[2] or ""), str(query[key]).lower()
        if field is None or field.kind == "labels" or direction not in ("asc", "desc"):
            raise invalid(key)
        rows, [column, *_] = (rows, ["pk"]) if found[2] == "createdAt" else named(rows, found[2], field)
        order.append(F(column).desc() if direction == "desc" else F(column).asc())
    return rows.order_by(*order, "-pk")


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
