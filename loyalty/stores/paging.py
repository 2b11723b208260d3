"""Pages of a long list, newest first, by id: each costs the same however long the list is."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

PAGE = 50


@dataclass
class Page:
    rows: list[Any] = field(default_factory=list)
    newer: int | None = None  # show rows with a greater id
    older: int | None = None  # show rows with a smaller id

    def __iter__(self):
        return iter(self.rows)

    def __bool__(self):
        return bool(self.rows)


def page_of(rows: QuerySet, params: QueryDict, size: int = PAGE) -> Page:
    """The page that `?after=ID` (newer) or `?before=ID` (older) asks for. One row more tells of a further page."""
    after, before = row_id(params.get("after")), row_id(params.get("before"))
    if after is not None:
        found = list(rows.filter(id__gt=after).order_by("id")[: size + 1])
        shown = found[:size][::-1]
        return Page(shown, shown[0].id if len(found) > size else None, shown[-1].id if shown else None)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: size + 1])
    shown = found[:size]
    is_first = before is None or not shown
    return Page(shown, None if is_first else shown[0].id, shown[-1].id if len(found) > size else None)


def row_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
