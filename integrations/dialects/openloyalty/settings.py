"""A store's settings on this wire: what they mean to us, and what is only kept for its callers."""

from typing import Any

from django import forms
from django.db import transaction

from integrations import connections
from integrations.models import Connection
from loyalty.stores.models import Store, validate_timezone

IDENTIFIERS = ("loyaltyCardNumber", "email", "phone")
DEFAULTS: dict[str, Any] = {
    "identificationMethod": "email",
    "customersIdentificationConfigurations": [
        {"field": name, "priority": priority} for priority, name in enumerate(IDENTIFIERS, 1)
    ],
    "accountActivationRequired": True,
    "allowCustomersProfileEdits": True,
    "tierAssignType": "points",
    "tierWalletCode": "default",
    "rewardWalletCode": "default",
    "levelDowngradeMode": "none",
    "levelDowngradeDays": None,
    "levelDowngradeBase": "none",
    "levelResetPointsOnDowngrade": False,
    "excludeDeliveryCostsFromTierAssignment": False,
    "excludedDeliverySKUs": [],
    "excludedLevelSKUs": [],
    "excludedLevelCategories": [],
    "expirePointsNotificationDays": 7,
    "expireCouponsNotificationDays": 7,
    "expireLevelsNotificationDays": 7,
    "activeMember": None,
    "programName": None,
    "programUrl": None,
}
DEFAULT_TIMEZONE = "UTC"


class OpenLoyaltySettingsForm(forms.Form):
    identificationMethod = forms.ChoiceField(
        label="A new member must have",
        choices=[("email", "An e-mail address"), ("phone", "A phone number"), ("loyaltyCardNumber", "A card number")],
        initial="email",
    )


def read(store: Store, connection: Connection) -> dict[str, Any]:
    known = {name: connection.settings.get(name, default) for name, default in DEFAULTS.items()}
    return known | {"timezone": store.timezone}


@transaction.atomic
def write(store: Store, connection: Connection, changes: dict[str, Any]) -> None:
    """Change these settings. The time zone is the store's own."""
    zone = changes.pop("timezone", store.timezone)
    if zone != store.timezone:
        validate_timezone(zone)
        Store.objects.filter(pk=store.pk).update(timezone=zone)
        store.timezone = zone
    connections.configure(connection, **changes)


def matching_order(connection: Connection) -> list[str]:
    """Which identifier of a fact is looked at first."""
    key = "customersIdentificationConfigurations"
    chosen = connection.settings.get(key, DEFAULTS[key])
    return [one["field"] for one in sorted(chosen, key=lambda one: one["priority"])]


def identification_method(connection: Connection) -> str:
    return connection.settings.get("identificationMethod", DEFAULTS["identificationMethod"])
