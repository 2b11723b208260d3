"""The bodies that callers send to sign in and about settings."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from loyalty.stores.models import validate_timezone

from .settings import IDENTIFIERS
from .shapes import Flag, Moment, Shape, Text, Whole

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
