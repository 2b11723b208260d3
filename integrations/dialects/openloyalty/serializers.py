"""The bodies that callers send."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from loyalty.stores.models import validate_timezone

from .choices import COUNTRIES
from .settings import IDENTIFIERS
from .shapes import CardNumber, Day, Email, Flag, Label, Moment, Phone, Shape, Text, Whole

FIELD_TYPES = ("text", "number", "datetime", "boolean", "object", "collection")
MAX_ACTION = 73  # what a rule's action leaves for the event's type


# --- Signing in -------------------------------------------------------------------------------


class Login(Shape):
    username = Text()
    password = Text(trim_whitespace=False)


class Refresh(Shape):
    refresh_token = Text()


class NewKey(Shape):
    name = Text(max_length=100)
    expirationDate = Moment(required=False, allow_null=True, default=None)


# --- Settings ---------------------------------------------------------------------------------


class Timezone(Text):
    def to_internal_value(self, data: Any) -> str:
        zone = super().to_internal_value(data)
        validate_timezone(zone)
        return zone


class IdentificationOrder(Shape):
    field = serializers.ChoiceField(IDENTIFIERS)
    priority = Whole()


class ActivePeriod(Shape):
    days = Whole(min_value=1)
    allEvents = Flag()
    eventTypes = serializers.ListField(child=Text(), required=False, max_length=100)


class ActiveMember(Shape):
    transactionInXDays = Whole(min_value=1, required=False, allow_null=True)
    customEventsInXDays = ActivePeriod(required=False, allow_null=True)
    operator = serializers.ChoiceField(("and", "or"), required=False)


def texts() -> serializers.ListField:
    return serializers.ListField(child=Text(), max_length=1000)


class Settings(Shape):
    """Each key is optional: only those sent are changed."""

    identificationMethod = serializers.ChoiceField(IDENTIFIERS)
    customersIdentificationConfigurations = IdentificationOrder(many=True, allow_empty=False)
    accountActivationRequired = Flag()
    allowCustomersProfileEdits = Flag()
    timezone = Timezone()
    tierAssignType = serializers.ChoiceField(("points", "transactions"))
    tierWalletCode = serializers.ChoiceField(("default",))
    rewardWalletCode = serializers.ChoiceField(("default",))
    levelDowngradeMode = serializers.ChoiceField(("none", "automatic", "after_x_days"))
    levelDowngradeDays = Whole(allow_null=True)
    levelDowngradeBase = serializers.ChoiceField(
        ("none", "active_points", "earned_points", "earned_points_since_last_level_change")
    )
    levelResetPointsOnDowngrade = Flag()
    excludeDeliveryCostsFromTierAssignment = Flag()
    excludedDeliverySKUs = texts()
    excludedLevelSKUs = texts()
    excludedLevelCategories = texts()
    expirePointsNotificationDays = Whole()
    expireCouponsNotificationDays = Whole()
    expireLevelsNotificationDays = Whole()
    activeMember = ActiveMember(allow_null=True)
    programName = Text(allow_null=True, allow_blank=True)
    programUrl = Text(allow_null=True, allow_blank=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for field in self.fields.values():
            field.required = False

    def validate_customersIdentificationConfigurations(self, order: list[dict]) -> list[dict]:
        if len({one["field"] for one in order}) != len(order):
            raise ValidationError("", "duplicate")
        return order


# --- Members ----------------------------------------------------------------------------------


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


# --- Custom events ----------------------------------------------------------------------------


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
