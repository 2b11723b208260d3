"""What each list can be filtered and sorted by."""

from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    DecimalField,
    Expression,
    ExpressionWrapper,
    F,
    OuterRef,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, NullIf

from customers.models import Customer, Wallet
from loyalty.stores.models import Store

from .filters import Field, Fields
from .rendering import ADDRESS

STORES: Fields = {
    "code": Field("store__slug"), "name": Field("store__name"), "currency": Field("store__currency"),
    "createdAt": Field("store__created_at", "moment"),
}  # fmt: skip
KEYS: Fields = {"name": Field("name"), "expirationDate": Field("expires_at", "moment")}
SCHEMAS: Fields = {
    "eventType": Field("event_type"), "name": Field("name"), "active": Field("is_active", "flag"),
    "createdAt": Field("created_at", "moment"),
}  # fmt: skip
EVENTS: Fields = {
    "customEventId": Field("public_id", "id"),
    "customerId": Field("customer__public_id", "id"),
    "type": Field("schema__event_type"),
    "eventName": Field("schema__name"),
    **{
        f"customerData:{name}": Field(KT(f"customer_data__{name}"))
        for name in ("customerId", "email", "phone", "loyaltyCardNumber")
    },
    "eventDate": Field("occurred_at", "moment"),
    "createdAt": Field("created_at", "moment"),
    "eventId": Field("external_id"),
}
NOTHING = Cast(Value(None), CharField())
ACCOUNT = {
    "activePoints": "balance", "lockedPoints": "pending", "earnedPoints": "earned", "spentPoints": "spent",
    "expiredPoints": "expired",
}  # fmt: skip


def members(store: Store) -> Fields:
    return {
        "customerId": Field("public_id", "id"),
        "registeredAt": Field(REGISTERED_AT, "moment"),
        "active": Field(IS_ACTIVE, "flag"),
        "firstName": Field(NullIf("first_name", Value(""))),
        "lastName": Field(NullIf("last_name", Value(""))),
        "gender": Field(KT("properties__gender")),
        "email": Field("email"),
        "phone": Field("phone"),
        "loyaltyCardNumber": Field("card_number"),
        "birthDate": Field("birthday", "day"),
        "createdAt": Field("created_at", "moment"),
        "updatedAt": Field("updated_at", "moment"),
        **{f"agreement{number}": Field(consent(number), "flag") for number in "123"},
        **{f"address:{name}": Field(KT(f"properties__address__{name}")) for name in ADDRESS},
        "company:name": Field(KT("properties__company__name")),
        "company:nip": Field(KT("properties__company__tax_id")),
        "transactionsCount": Field("orders_count", "whole"),
        "transactionsAmount": Field("orders_total", "number"),
        "averageTransactionAmount": Field(AVERAGE, "number"),
        "firstTransactionDate": Field("first_order_at", "moment"),
        "lastTransactionDate": Field("last_order_at", "moment"),
        "anonymized": Field(Value(False, BooleanField()), "flag"),
        "currency": Field(Value(store.currency, CharField())),
        "storeCode": Field(Value(store.slug, CharField())),
        **{f"defaultAccount:{name}": Field(points(column), "number") for name, column in ACCOUNT.items()},
        "labels": Field("properties__labels", "labels"),
        "emailOrPhone": Field("email", others=("phone",)),
        "identifier": Field("email", others=("phone", "card_number")),
        **{name: Field(NOTHING) for name in ("levelId", "manuallyAssignedLevelId", "channelId", "referralToken")},
    }


REGISTERED_AT = Coalesce(Cast(KT("properties__registered_at"), DateTimeField()), F("enrolled_at"), F("created_at"))
IS_ACTIVE = Case(
    When(state=Customer.State.BLOCKED, then=Value(False)), default=Value(True), output_field=BooleanField()
)
AVERAGE = ExpressionWrapper(
    F("orders_total") / NullIf(F("orders_count"), Value(0)), DecimalField(max_digits=20, decimal_places=4)
)


def consent(number: str) -> Expression:
    return Coalesce(Cast(KT(f"properties__consents__{number}"), BooleanField()), Value(False))


def points(column: str) -> Any:
    wallet = Wallet.objects.filter(store=OuterRef("store"), customer=OuterRef("pk"), unit="points")
    return Subquery(wallet.values(column)[:1])
