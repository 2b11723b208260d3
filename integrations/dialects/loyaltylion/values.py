"""What callers put into bodies and queries: ids as numbers, PHP's empty arrays, dates in every ISO form.

Each function reads one value that is there, or raises ValueError with a message for the caller.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from customers.identities import BadIdentity, normal_email

from .refusals import invalid

LONGEST_ID = 255
LONGEST_NAME = 255
LARGEST = 2**63 - 1
PROPERTIES_BYTES = 16 * 1024
AHEAD = timedelta(hours=24)  # how far a sender's clock and time zone may be off
FIRST_YEAR = 1900  # shop systems write “never” as a date long before
DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(Z|[+\- ]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
FLAGS = {"true": True, "1": True, "false": False, "0": False}


def identifier(value: Any) -> str | None:
    """`501` and `" 501 "` are the same id; blank is none."""
    if not isinstance(value, str) and type(value) is not int:
        raise ValueError("must be a text or a whole number")
    text = str(value).strip()
    if len(text) > LONGEST_ID:
        raise ValueError(f"must have at most {LONGEST_ID} characters")
    return text or None


def name(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME:
        raise ValueError(f"must be a text of 1 to {LONGEST_NAME} characters")
    return value


def email(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError("must be an e-mail address")
    try:
        return normal_email(value)
    except BadIdentity as error:
        raise ValueError("must be an e-mail address") from error


def flag(value: Any) -> bool:
    found = FLAGS.get(str(value).lower()) if isinstance(value, bool | str) or type(value) is int else None
    if found is None:
        raise ValueError("must be true or false")
    return found


def one_of(*words: str) -> Callable[[Any], str]:
    def word(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return value

    return word


def whole(text: str, lowest: int, highest: int = LARGEST) -> int:
    """A number of a query."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and lowest <= int(text) <= highest):
        raise ValueError(f"must be a whole number from {lowest}" + (f" to {highest}" if highest < LARGEST else ""))
    return int(text)


def integer(value: Any, lowest: int = 0) -> int:
    """A number of a body: digits as text will do."""
    if not isinstance(value, str) and type(value) is not int:
        raise ValueError("must be a whole number")
    return whole(str(value).strip(), lowest)


def positive(value: Any) -> int:
    return integer(value, 1)


def moment(value: Any) -> datetime:
    """ISO 8601; UTC unless it says otherwise; a date alone is its first moment.

    A space before the offset is the plus sign that a query lost.
    """
    match = DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError
        day, clock, offset = match.groups()
        zone = (offset or "Z").upper().replace(" ", "+")
        return datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date such as 2025-01-31T12:30:00Z") from None


def is_whole_day(text: str) -> bool:
    return len(text.strip()) == len("2025-01-31")


def past(value: Any) -> datetime:
    """When something happened; clocks may be a day off."""
    found = moment(value)
    if found.year < FIRST_YEAR:
        raise ValueError("must be a date such as 2025-01-31T12:30:00Z")
    if found > timezone.now() + AHEAD:
        raise ValueError("must not be more than a day in the future")
    return found


def properties(value: Any) -> dict[str, Any]:
    if value == []:  # an empty array of PHP
        return {}
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    kept = storable(value)
    if len(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()) > PROPERTIES_BYTES:
        raise ValueError("must have at most 16 KiB")
    return kept


def storable(value: Any) -> Any:
    """Fractions as the text they were sent as: a float would be another number."""
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


class Fields:
    """Reads the members of a body one by one and tells what is wrong with all of them at once."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.wrong: dict[str, str] = {}

    def read(self, field: str, reading: Callable[[Any], Any], *, is_required: bool = False) -> Any:
        """The value, or None when it is absent or wrong. Null and empty text are absent."""
        value = self.members.get(field)
        try:
            found = None if value is None or value == "" else reading(value)
        except ValueError as error:
            self.wrong[field] = str(error)
            return None
        if found is None and is_required:
            self.wrong[field] = "is missing"
        return found

    def check(self) -> None:
        if self.wrong:
            raise invalid(self.wrong)
