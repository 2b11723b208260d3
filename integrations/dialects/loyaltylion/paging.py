"""Pages by id. A cursor holds all that its page needs, so that a reader may send it alone or beside anything."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import TooManyFieldsSent
from django.db.models import Model, QuerySet
from django.http import HttpRequest, JsonResponse

from loyalty.stores.bounded_json import BadJSON, loads

from .refusals import bad_request
from .values import LARGEST, is_whole_day, moment, whole

ROW = TypeVar("ROW", bound=Model)

LIMIT, MOST = 100, 500
LAST_OFFSET = 10**15
TICK = timedelta(milliseconds=1)  # times are told to the millisecond, and compared as told
DAY = timedelta(days=1)
# A row's id and its moment are given by different clocks and transactions of some length: by far less than this apart.
SLACK = timedelta(hours=1)
NEAR = 1000  # ids, so many as may be looked at one by one


@dataclass(frozen=True, slots=True)
class Place:
    """Which rows of a list are asked for."""

    limit: int = LIMIT
    filters: Mapping[str, str] = field(default_factory=dict)  # as they were sent
    edge: int | None = None  # the row that the page lies beyond
    is_back: bool = False  # beyond it in the direction of the list's beginning
    offset: int = 0  # rows to skip: the old page numbers

    @property
    def is_ascending(self) -> bool:
        return "since_id" in self.filters

    @property
    def cursor(self) -> str:
        members = {"limit": self.limit, "filters": self.filters, "edge": self.edge, "back": self.is_back}
        text = json.dumps(members, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(request: HttpRequest, filters: tuple[str, ...]) -> Place:
    """What a query asks for; `filters` are the list's own. Raises Refused (400)."""
    try:
        query = request.GET
    except TooManyFieldsSent as error:
        raise bad_request("The query has too many parameters.") from error
    given = {name: text for name in query if (text := query.get(name, "").strip())}
    limit = number(given, "limit", 1, MOST)
    if "cursor" in given:
        place = decoded(given["cursor"], filters)
        return replace(place, limit=limit or place.limit)
    chosen = {name: given[name] for name in ("since_id", *filters) if name in given}
    page = 1 if "since_id" in chosen else number(given, "page", 1) or 1
    limit = limit or LIMIT
    return Place(limit, chosen, offset=min((page - 1) * limit, LAST_OFFSET))


def number(given: Mapping[str, str], name: str, lowest: int, highest: int = LARGEST) -> int | None:
    try:
        return whole(given[name], lowest, highest) if name in given else None
    except ValueError as error:
        raise bad_request(f"{name} {error}.") from error


def decoded(cursor: str, filters: tuple[str, ...]) -> Place:
    try:
        members = loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        limit, chosen, edge, is_back = (members[name] for name in ("limit", "filters", "edge", "back"))
        if type(limit) is not int or not 1 <= limit <= MOST or type(edge) is not int or not 0 <= edge <= LARGEST:
            raise ValueError
        if type(is_back) is not bool or not set(chosen) <= {"since_id", *filters}:
            raise ValueError
        return Place(limit, {name: str(text) for name, text in chosen.items()}, edge, is_back)
    except (ValueError, TypeError, KeyError, AttributeError, BadJSON) as error:
        raise bad_request("This cursor is not one of ours.") from error


def between(rows: QuerySet[ROW], filters: Mapping[str, str], name: str, column: str) -> QuerySet[ROW]:
    """Narrow by `<name>_min` and `<name>_max`, both inclusive; a date alone as maximum is its whole day.

    Also by id, in whose order rows are read: else a page of long ago would look at all that came since.
    """
    every = rows
    for end in ("min", "max"):
        parameter = f"{name}_{end}"
        if not (text := filters.get(parameter)):
            continue
        try:
            at = moment(text)
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            if end == "min":
                rows = rows.filter(**{f"{column}__gte": at}, pk__gte=id_about(every, column, at, SLACK))
            else:
                at += DAY if is_whole_day(text) else TICK
                rows = rows.filter(**{f"{column}__lt": at}, pk__lt=id_about(every, column, at, -SLACK) + NEAR)
        except (ValueError, OverflowError) as error:
            raise bad_request(f"{parameter} must be a date such as 2025-01-31T12:30:00Z.") from error
    return rows


def id_about(rows: QuerySet[ROW], column: str, at: datetime, later: timedelta) -> int:
    """The id from which on rows are of this moment or newer, if all were so much `later`; or one at most NEAR below."""
    places = rows.prefetch_related(None).order_by("pk").values_list("pk", column)
    first, last = places.first(), places.last()
    if first is None or last is None:
        return 0
    low, high = first[0], last[0] + 1
    while high - low > NEAR:
        middle = (low + high) // 2
        pk, told = places.filter(pk__gte=middle)[0]
        low, high = (pk + 1, high) if told + later < at else (low, middle)
    return low


@dataclass(frozen=True, slots=True)
class Page(Generic[ROW]):
    rows: list[ROW]
    previous: Place | None
    next: Place | None

    def response(self, request: HttpRequest, name: str, shown: list[dict[str, Any]]) -> JsonResponse:
        """The named array and the cursors, in the body and as Link header."""
        links = {"next": self.next, "prev": self.previous}
        answer = JsonResponse(
            {
                name: shown,
                "cursor": {
                    "prev": self.previous and self.previous.cursor,
                    "next": self.next and self.next.cursor,
                },
            }
        )
        if any(links.values()):
            answer["Link"] = ", ".join(f'<{url(request, at)}>; rel="{rel}"' for rel, at in links.items() if at)
        return answer


def url(request: HttpRequest, place: Place) -> str:
    query = urlencode({"cursor": place.cursor, "limit": place.limit})
    return f"{request.build_absolute_uri(request.path)}?{query}"


def page_of(rows: QuerySet[ROW], place: Place) -> Page[ROW]:
    """The page at a place. One row more than it holds tells whether another follows."""
    since = number(place.filters, "since_id", 0)
    if since is not None:
        rows = rows.filter(pk__gt=since)
    is_rising = place.is_ascending != place.is_back
    if place.edge is not None:
        rows = rows.filter(pk__gt=place.edge) if is_rising else rows.filter(pk__lt=place.edge)
    rows = rows.order_by("pk" if is_rising else "-pk")
    found = list(rows[place.offset : place.offset + place.limit + 1])
    shown, has_further = found[: place.limit], len(found) > place.limit
    if not shown:
        return Page([], None, None)
    if place.is_back:
        shown.reverse()
    starts_later = place.edge is not None or place.offset > 0
    has_earlier, has_later = (has_further, True) if place.is_back else (starts_later, has_further)
    return Page(
        shown,
        beyond(place, shown[0], is_back=True) if has_earlier else None,
        beyond(place, shown[-1], is_back=False) if has_later else None,
    )


def beyond(place: Place, row: Model, *, is_back: bool) -> Place:
    return Place(place.limit, place.filters, row.pk, is_back)
