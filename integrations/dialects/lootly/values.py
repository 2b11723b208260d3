"""What shops put into members: ids as numbers, amounts as text or float, blanks for what they do not know.

A function for a value that a call cannot do without refuses what it cannot read; the others return None.
"""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.core import get_global
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from customers.identities import BadIdentity, normal_email

from .refusals import invalid, missing

AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{0,10})?")
WHOLE = re.compile(r"[0-9]{1,10}(\.0*)?")
AMOUNT_LIMIT = Decimal(10) ** 12
POINTS_LIMIT = 1_000_000_000
COUNTRIES = {code: targets[0] for code, targets in get_global("territory_aliases").items() if len(targets) == 1}


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def is_guest(value: Any) -> bool:
    """Shops write no customer's id as nothing, spaces or 0."""
    return is_blank(value) or value == 0 or (isinstance(value, str) and value.strip() == "0")


def identifier(value: Any, field: str, longest: int = 191) -> str:
    """`501` and `"501"` are the same id; `"000501"` is another."""
    if is_blank(value):
        raise missing(field, f"“{field}” is missing.")
    text = str(value) if isinstance(value, str) or type(value) is int else ""
    if len(text.strip()) > longest or not text:
        raise invalid(field, f"“{field}” must be a text or a whole number of 1 to {longest} characters.")
    return text.strip()


def amount(value: Any, field: str, places: int) -> Decimal | None:
    """Money from text or a number, a float's artefacts too, half up to the currency's smallest unit."""
    if is_blank(value):
        return None
    number = None
    if isinstance(value, str) and AMOUNT.fullmatch(value.strip()):
        number = Decimal(value.strip())
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
    if number is None or abs(number) >= AMOUNT_LIMIT:
        raise invalid(field, f"“{field}” must be an amount such as 12.50.")
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def whole(value: Any, field: str, lowest: int) -> int:
    """A number of points: `100`, `"100"` or `100.0`."""
    number = None
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        number = Decimal(value.strip())
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
    if number is None or number != number.to_integral_value() or not lowest <= number <= POINTS_LIMIT:
        raise invalid(field, f"“{field}” must be a whole number from {lowest} to {POINTS_LIMIT:,}.")
    return int(number)


def text(value: Any, longest: int = 150) -> str:
    return value.strip()[:longest] if isinstance(value, str) else ""


def email(value: Any) -> str | None:
    """For a person in a larger message: an unreadable address is as good as none."""
    try:
        return normal_email(value) if isinstance(value, str) else None
    except BadIdentity:
        return None


def birthday(value: Any) -> date | None:
    """From a date or a date with a time."""
    try:
        found = parse_date(value.strip()[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and date(1900, 1, 1) <= found <= timezone.localdate() else None


def moment(value: Any) -> datetime | None:
    """From ISO 8601, UTC unless it says otherwise, or Unix seconds."""
    try:
        if isinstance(value, str) and not value.isdigit():
            found = parse_datetime(value.strip())
            found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC) if found else None
        else:
            found = None if is_blank(value) or isinstance(value, bool) else datetime.fromtimestamp(int(value), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return found if found and 1970 <= found.year <= 2100 else None


def country(value: Any) -> str:
    """The two letters of a country; three letters are translated."""
    code = text(value).upper()
    code = COUNTRIES.get(code, code) if len(code) == 3 else code
    return code if re.fullmatch("[A-Z]{2}", code) else ""


def mapping(value: Any) -> dict[str, Any]:
    """An object; PHP writes an empty one as `[]`."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
