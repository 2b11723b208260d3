"""Fields that more than one part of the API needs. They check shape; verbs check the business."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from . import clock
from .models import Store

OLDEST = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST = datetime(2100, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)  # shops in another time zone, clocks that are wrong
MAX_PROPERTIES = 100
CleanSettings = Callable[[str, dict[str, Any]], dict[str, Any]]  # (kind, data) -> checked


class StrictSerializer(serializers.Serializer):
    """Refuses names it does not know: a misspelt one would be lost without a word."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping) and not self.writable_names.issuperset(data):
            unknown = sorted(set(data) - self.writable_names)
            known = ", ".join(sorted(self.writable_names))
            raise ValidationError(
                {name[:100]: [f"This name is not known. Known are: {known}."] for name in unknown[:5]}
            )
        return super().to_internal_value(data)

    @property
    def writable_names(self) -> set[str]:
        if not hasattr(self, "_writable_names"):
            self._writable_names = {name for name, field in self.fields.items() if not field.read_only}
        return self._writable_names


class MomentField(serializers.DateTimeField):
    """An ISO 8601 moment. Without an offset it stays naive: `in_zone` reads it in the store's time zone."""

    default_error_messages = {
        "invalid": "Write the moment as ISO 8601, such as 2026-03-31T14:05:00+02:00.",
        "out_of_range": "This moment is too long ago or too far ahead.",
    }

    def __init__(self, *args: Any, may_be_ahead: bool = True, **kwargs: Any) -> None:
        self.may_be_ahead = may_be_ahead
        super().__init__(*args, **kwargs)

    def enforce_timezone(self, value: datetime) -> datetime:
        newest = NEWEST if self.may_be_ahead else clock.now() + CLOCK_SKEW
        compared = value if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            is_in_range = OLDEST <= compared <= newest
        except OverflowError:
            is_in_range = False
        if not is_in_range:
            self.fail("out_of_range")
        return value

    def to_representation(self, value: datetime | None) -> str | None:
        return value and value.isoformat().replace("+00:00", "Z")


def in_zone(store: Store, moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo:
        return moment
    return moment.replace(tzinfo=store.tz)


@extend_schema_field({"type": "object", "additionalProperties": True})
class PropertiesField(serializers.Field):
    """A shop's own object, kept as it is."""

    default_error_messages = {
        "invalid": 'Send an object, such as {{"colour": "red"}}.',
        "too_many": "Send at most {limit} names.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        if len(data) > MAX_PROPERTIES:
            self.fail("too_many", limit=MAX_PROPERTIES)
        return storable(data)

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


def described_settings(settings: type[forms.Form]) -> list[dict[str, Any]]:
    """What a kind lets its merchant choose, for programs that draw a form of it."""
    return [
        {
            "name": name, "label": field.label or name.replace("_", " ").capitalize(), "help": str(field.help_text),
            "type": type(field).__name__.removesuffix("Field").lower(), "is_required": field.required,
            "default": field.initial, "choices": [value for value, _ in getattr(field, "choices", [])],
        }
        for name, field in settings.base_fields.items()
    ]  # fmt: skip


def check_dates(start: datetime | None, end: datetime | None) -> None:
    if start and end and end <= start:
        raise Invalid({"active_until": ["This is before the start. Choose a later moment."]})


def checked_settings(clean: CleanSettings, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A kind's settings as its own form cleans them. Raises what a call answers."""
    if nested := [name for name, value in settings.items() if isinstance(value, list | dict)]:
        raise Invalid({"settings": [f"“{nested[0]}” takes a text, a number or true or false."]})
    try:
        return clean(kind, settings)
    except Invalid as error:
        raise Invalid({"settings": error.messages}) from error


def storable(value: Any) -> Any:
    """JSON values as a JSONField takes them. A number that a double would change is kept as text."""
    if isinstance(value, Decimal):
        double = float(value)
        return double if Decimal(repr(double)) == value else str(value)
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
