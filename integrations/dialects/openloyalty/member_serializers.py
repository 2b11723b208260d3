"""The bodies that callers send about members."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from .choices import COUNTRIES
from .shapes import CardNumber, Day, Email, Flag, Label, Moment, Phone, Shape, Text


class Address(Shape):
    street = Text(required=False)
    address1 = Text(required=False)
    address2 = Text(required=False)
    postal = Text(required=False)
    city = Text(required=False)
    province = Text(required=False)
    country = Text(required=False)

    def validate_country(self, code: str | None) -> str | None:
        if code and code.upper() not in COUNTRIES:
            raise ValidationError("", "invalid")
        return code and code.upper()


class Company(Shape):
    name = Text(required=False)
    nip = Text(required=False)


class CustomField(Shape):
    key = Text()
    value = Text(allow_null=True, allow_blank=True)


class NewMember(Shape):
    email = Email(required=False, max_length=254)
    phone = Phone(required=False)
    loyaltyCardNumber = CardNumber(required=False)
    firstName = Text(required=False, max_length=150)
    lastName = Text(required=False, max_length=150)
    gender = serializers.ChoiceField(("male", "female", "not_disclosed"), required=False, allow_null=True)
    birthDate = Day(required=False, allow_null=True)
    registeredAt = Moment(required=False, allow_null=True)
    address = Address(required=False, allow_null=True)
    company = Company(required=False, allow_null=True)
    labels = serializers.ListField(child=Label(), required=False, max_length=100)
    agreement1 = Flag(required=False, allow_null=True)
    agreement2 = Flag(required=False, allow_null=True)
    agreement3 = Flag(required=False, allow_null=True)
    levelId = serializers.UUIDField(required=False, allow_null=True)
    channelId = serializers.UUIDField(required=False, allow_null=True)
    referrerToken = Text(required=False)
    customFieldsData = serializers.ListField(child=CustomField(), required=False, max_length=100)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        """No store has levels or channels on this wire, so none that is named exists."""
        if unknown := [name for name in ("levelId", "channelId") if told.get(name)]:
            raise ValidationError({name: ErrorDetail("", "unknown") for name in unknown})
        return told
