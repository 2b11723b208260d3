"""The bodies that callers send about custom events."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from .shapes import Flag, Moment, Shape, Text

FIELD_TYPES = ("text", "number", "datetime", "boolean", "object", "collection")
MAX_ACTION = 73  # what a rule's action leaves for the event's type


class DeclaredField(Shape):
    name = Text()
    type = serializers.ChoiceField(FIELD_TYPES)
    description = Text(required=False)


class DeclaredBody(Shape):
    fields = serializers.ListField(  # type: ignore[assignment]
        child=DeclaredField(), required=False, max_length=100
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return super().to_internal_value(as_object(data))

    def validate_fields(self, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = [field["name"] for field in fields]
        repeated = [number for number, name in enumerate(names) if name in names[:number]]
        if repeated:
            raise ValidationError({str(number): {"name": ErrorDetail("", "duplicate")} for number in repeated})
        return fields


class Activation(Shape):
    isActive = Flag()


class ChangedSchema(Shape):
    name = Text()
    schema = DeclaredBody()
    active = Activation(required=False, allow_null=True)


class NewSchema(ChangedSchema):
    eventType = Text(max_length=MAX_ACTION)

    def validate_eventType(self, event_type: str) -> str:
        if "/" in event_type:
            raise ValidationError("", "invalid")
        return event_type


class SwitchedSchema(Shape):
    active = Flag()


class CustomerData(Shape):
    customerId = Text(required=False)
    email = Text(required=False)
    phone = Text(required=False)
    loyaltyCardNumber = Text(required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return super().to_internal_value(as_object(data))


class Body(serializers.Field):
    """An object; which members it may have is the schema's to say."""

    default_error_messages = {"invalid": ""}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(as_object(data), dict):
            self.fail("invalid")
        return as_object(data)


class NewEvent(Shape):
    type = Text()
    eventDate = Moment()
    customerData = CustomerData(required=False, allow_null=True)
    body = Body(required=False, allow_null=True)
    eventId = Text(required=False)


def as_object(data: Any) -> Any:
    """PHP writes an empty object as `[]`."""
    return {} if data == [] else data
