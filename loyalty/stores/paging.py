"""Pages of a long list, newest first, by id: each costs the same however long the list is."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

PAGE = 50


@dataclass
class Page:
    rows: list[Any] = field(default_factory=list)
    newer: int | None = None  # show rows with a greater id (or other key)
    older: int | None = None  # show rows with a smaller one

    def __iter__(self):
        return iter(self.rows)

    def __bool__(self):
        return bool(self.rows)


def page_of(rows: QuerySet, params: QueryDict, size: int = PAGE, *, key: str = "id") -> Page:
    """The page that `?after=ID` (newer) or `?before=ID` (older) asks for. One row more tells of a further page.

    `key` is the unique, ever growing number that the rows are listed by.
    """
    after, before = row_id(params.get("after")), row_id(params.get("before"))
    if after is not None:
        found = list(rows.filter(**{f"{key}__gt": after}).order_by(key)[: size + 1])
        shown, is_first, is_last = found[:size][::-1], len(found) <= size, False
    else:
        rows = rows if before is None else rows.filter(**{f"{key}__lt": before})
        found = list(rows.order_by(f"-{key}")[: size + 1])
        shown, is_first, is_last = found[:size], before is None, len(found) <= size
    if not shown:
        return Page()
    return Page(shown, None if is_first else getattr(shown[0], key), None if is_last else getattr(shown[-1], key))


def row_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
