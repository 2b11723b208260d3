"""Dates in and out: any ISO 8601 comes in, the store's own time goes out."""

from datetime import UTC, date, datetime, tzinfo

from loyalty.stores.models import Store


def parse(text: str, zone: tzinfo) -> datetime:
    """A moment; without an offset it is in `zone`. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error
    if not 1900 <= moment.year <= 9000:
        raise ValueError("not a year of anything that happens")
    return moment


def render_moment(moment: datetime | None, store: Store) -> str | None:
    return store.local(moment).isoformat(timespec="seconds") if moment else None


def render_day(day: date | None, store: Store) -> str | None:
    """A day as the moment it starts."""
    return datetime(day.year, day.month, day.day, tzinfo=store.tz).isoformat(timespec="seconds") if day else None
