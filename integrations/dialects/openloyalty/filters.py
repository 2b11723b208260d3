"""Which rows a list shows: `field=value` and `field[operator]=value`, and the order they come in.

A list says which `Field`s it knows. Others in a query are ignored; a bad operator or value of a known one is 400.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Q, QuerySet
from django.http import QueryDict

from loyalty.stores.models import Store

from . import moments
from .errors import invalid
from .shapes import MAX_INT, read_number, read_uuid

MAX_VALUES = 100
PARAMETER = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
LABEL = re.compile(r"\(([^;()]+);([^;()]*)\)")

# --- Fields -----------------------------------------------------------------------------------


def read_text(text: str, store: Store | None) -> str:
    if "\x00" in text:
        raise ValueError("NUL")
    return text


def read_moment(text: str, store: Store | None) -> datetime:
    return moments.parse(text, zone_of(store))


def read_day(text: str, store: Store | None) -> date:
    return read_moment(text, store).astimezone(zone_of(store)).date()


def zone_of(store: Store | None) -> tzinfo:
    return store.tz if store else UTC


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


READERS: dict[str, Callable[[str, Store | None], Any]] = {
    "text": read_text,
    "id": lambda text, store: required(read_uuid(text)),
    "number": lambda text, store: required(read_number(text)),
    "whole": read_whole,
    "moment": read_moment,
    "day": read_day,
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


# --- Order ------------------------------------------------------------------------------------


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
