"""Fields that know this wire's habits, and the base of every body."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from customers.identities import BadIdentity, normal_email
from integrations import exact_json

from . import moments

MAX_INT = 2**31 - 1
TEXT = 255
MAX_DIGITS = 40
CARD = re.compile(r"[0-9A-Za-z._-]{1,64}")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
PHONE = re.compile(r"\+?[0-9]{1,31}")


class Shape(serializers.Serializer):
    """An object of known fields; any other is refused at its path."""

    def to_internal_value(self, data: Any) -> Any:
        extra = {}
        if isinstance(data, Mapping):
            extra = {name: [ErrorDetail("", "extra_field")] for name in data if name not in self.fields}
        try:
            checked = super().to_internal_value(data)
        except ValidationError as error:
            detail: dict[str, Any] = error.detail if isinstance(error.detail, dict) else {}
            raise ValidationError(detail | extra) from error
        if extra:
            raise ValidationError(extra)
        return checked


class Text(serializers.CharField):
    """A text, or a number as one. Blank counts as absent where it is not required."""

    def __init__(self, **kwargs: Any) -> None:
        optional = {} if kwargs.get("required", True) else {"allow_null": True, "allow_blank": True}
        super().__init__(**({"max_length": TEXT} | optional | kwargs))


class Flag(serializers.Field):
    default_error_messages = {"invalid": ""}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Whole(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"min_value": 0, "max_value": MAX_INT} | kwargs))

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not NUMBER.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class Moment(serializers.Field):
    """ISO 8601; without an offset in the store's time zone."""

    default_error_messages = {"invalid": ""}

    def to_internal_value(self, data: Any) -> Any:
        store = self.context.get("store")
        try:
            return moments.parse(data if isinstance(data, str) else "", store.tz if store else UTC)
        except ValueError:
            self.fail("invalid")


class Day(Moment):
    """A date, or a moment on it as it is written."""

    def to_internal_value(self, data: Any) -> date:
        super().to_internal_value(data)
        day = date.fromisoformat(data.strip()[:10]) if re.match(r"\s*\d{4}-\d\d-\d\d", data) else None
        if day is None or day > timezone.localdate():
            self.fail("invalid")
        return day


class Email(Text):
    def to_internal_value(self, data: Any) -> Any:
        try:
            return normal_email(super().to_internal_value(data))
        except BadIdentity as error:
            raise ValidationError("", "invalid") from error


class Phone(Text):
    def to_internal_value(self, data: Any) -> Any:
        phone = plain_phone(super().to_internal_value(data))
        if phone and not PHONE.fullmatch(phone):
            raise ValidationError("", "invalid")
        return phone or None


def plain_phone(phone: str) -> str:
    """As it is kept: people write spaces, dots, hyphens and brackets into numbers."""
    return re.sub(r"[\s().-]", "", phone)


class CardNumber(Text):
    def to_internal_value(self, data: Any) -> Any:
        number = super().to_internal_value(data)
        if number and not CARD.fullmatch(number):
            raise ValidationError("", "too_long" if len(number) > 64 else "invalid")
        return number or None


def read_uuid(text: Any) -> uuid.UUID | None:
    """A UUID as this wire writes it: 36 characters."""
    try:
        return uuid.UUID(text) if isinstance(text, str) and len(text) == 36 else None
    except ValueError:
        return None


def read_number(value: Any) -> Decimal | None:
    """An exact number of at most six decimals, or a text of one."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > MAX_DIGITS:
        return None
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return None
    number = Decimal(value)
    if abs(number.adjusted()) > MAX_DIGITS:
        return None
    _, _, fraction = exact_json.plain(number).partition(".")
    return number if len(fraction) <= 6 else None


class Label(Shape):
    key = Text()
    value = Text()
