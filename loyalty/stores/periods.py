"""Calendar periods in a store's time zone: what a limit counts in."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def period(kind: str, moment: datetime, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The calendar day, week (from Monday), month or year that holds the moment: [start, end)."""
    if kind == "ever":
        return FIRST, LAST
    return bounds(kind, moment.astimezone(tz).date().isoformat(), tz)


@lru_cache(4096)
def bounds(kind: str, day: str, tz: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(day).replace(tzinfo=tz)
    if kind == "day":
        end = start + timedelta(days=1)
    elif kind == "week":
        start -= timedelta(days=start.weekday())
        end = start + timedelta(days=7)
    elif kind == "month":
        start = start.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        start = start.replace(month=1, day=1)
        end = start.replace(year=start.year + 1)
    return start.astimezone(UTC), end.astimezone(UTC)
