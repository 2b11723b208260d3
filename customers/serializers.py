"""The wire shapes of customers and what they own."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from loyalty.stores.models import Store
from loyalty.stores.serializers import MomentField, PropertiesField, StrictSerializer

from .identities import BadIdentity, Identity, find
from .models import Customer, Event, LedgerEntry

NUMBER = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,6})?")
IDENTIFIERS = ("external_id", "email", "phone", "card_number")
OLDEST_BIRTHDAY = date(1900, 1, 1)


def plain(number: Decimal) -> str:
    """As people write it: no exponent, no trailing zeros."""
    return f"{number.normalize():f}" if number else "0"


@extend_schema_field({"type": "string", "pattern": r"^-?[0-9]{1,14}(\.[0-9]{1,6})?$", "example": "100"})
class PointsField(serializers.Field):
    """An exact decimal: a string, or in calls also a JSON number. Never a float on the way."""

    default_error_messages = {
        "invalid": 'Write a number with at most 14 digits and 6 decimals, such as 100 or "12.5".',
        "too_small": "Must not be less than {least}.",
        "too_large": "Must not be more than {most}.",
    }

    def __init__(self, *, least: Decimal | None = None, most: Decimal | None = None, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        text = f"{data:f}" if isinstance(data, Decimal) else str(data)
        if not NUMBER.fullmatch(text):
            self.fail("invalid")
        number = Decimal(text)
        if self.least is not None and number < self.least:
            self.fail("too_small", least=plain(self.least))
        if self.most is not None and number > self.most:
            self.fail("too_large", most=f"{self.most:,f}")
        return number

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


class WhoSerializer(StrictSerializer):
    """How a call names a person: our id, or what the shop knows them by. One part is enough."""

    id = serializers.UUIDField(required=False, help_text="Our id.")
    external_id = serializers.CharField(required=False, allow_null=True, max_length=255, help_text="The shop's id.")
    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    phone = serializers.CharField(required=False, allow_null=True, max_length=32)
    card_number = serializers.CharField(required=False, allow_null=True, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" not in attrs:
            attrs["identity"] = identity_of(attrs)
        return attrs


def identity_of(attrs: dict[str, Any]) -> Identity:
    try:
        return Identity.of(**{name: attrs.get(name) for name in IDENTIFIERS})
    except BadIdentity as error:
        raise ValidationError({"email": [str(error)]} if attrs.get("email") else [str(error)]) from error


def customer_named(store: Store, who: dict[str, Any]) -> Customer | None:
    """The customer that a checked WhoSerializer means."""
    if "id" in who:
        return store.customers.filter(public_id=who["id"]).first()
    return find(store, who["identity"])


class CustomerBriefSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Customer
        fields = ("id", "external_id", "email")


class BalanceSerializer(serializers.Serializer):
    """What a customer has and ever had. Strings, so that no digit is lost."""

    customer = CustomerBriefSerializer()
    balance = PointsField(help_text="May be spent now.")
    pending = PointsField(help_text="Waits for approval.")
    earned = PointsField(help_text="Ever, after refunds.")
    spent = PointsField(help_text="Ever.")
    expired = PointsField(help_text="Ever.")


class CustomerSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    orders_total = PointsField(help_text="In the store's currency.")
    birthday = serializers.DateField(allow_null=True)
    properties = PropertiesField()
    balance = serializers.SerializerMethodField()
    pending = serializers.SerializerMethodField()
    enrolled_at = MomentField(allow_null=True)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = Customer
        fields = (
            "id", "external_id", "email", "phone", "card_number", "first_name", "last_name", "birthday", "tags",
            "state", "properties", "balance", "pending", "orders_count", "orders_total", "enrolled_at", "created_at",
            "updated_at",
        )  # fmt: skip

    @extend_schema_field(PointsField)
    def get_balance(self, customer: Customer) -> str:
        return plain(customer.wallets.all()[0].balance)

    @extend_schema_field(PointsField)
    def get_pending(self, customer: Customer) -> str:
        return plain(customer.wallets.all()[0].pending)


class ProfileSerializer(StrictSerializer):
    """What a shop may tell about a person. Blank never erases: only what says something is written."""

    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    birthday = serializers.DateField(required=False, allow_null=True, help_text="YYYY-MM-DD")
    tags = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=50, help_text="Replaces the list."
    )
    properties = PropertiesField(required=False, help_text="Merged into what is there, name by name.")

    PROFILE = ("first_name", "last_name", "birthday", "tags", "properties")

    def validate_birthday(self, value: date | None) -> date | None:
        if value and not OLDEST_BIRTHDAY <= value <= timezone.now().date():
            raise ValidationError("A birthday lies between 1900 and today.")
        return value

    def profile(self) -> dict[str, Any]:
        return {name: value for name, value in self.validated_data.items() if name in self.PROFILE}


class NewCustomerSerializer(ProfileSerializer):
    external_id = serializers.CharField(required=False, allow_null=True, max_length=255, help_text="The shop's id.")
    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    phone = serializers.CharField(required=False, allow_null=True, max_length=32)
    card_number = serializers.CharField(required=False, allow_null=True, max_length=64)
    enrol = serializers.BooleanField(
        default=True, help_text="Enrol them, which pays the joining rule. False: keep a guest."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs | {"identity": identity_of(attrs)}


class CustomerChangeSerializer(ProfileSerializer):
    external_id = serializers.CharField(required=False, max_length=255, help_text="The former one stays linked.")
    email = serializers.CharField(required=False, max_length=254)
    phone = serializers.CharField(required=False, max_length=32)
    card_number = serializers.CharField(required=False, max_length=64)
    is_blocked = serializers.BooleanField(required=False, help_text="A blocked customer earns and spends nothing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if any(name in attrs for name in IDENTIFIERS):
            attrs["identity"] = identity_of(attrs)
        return attrs


class EntrySerializer(serializers.ModelSerializer):
    """A movement of points. Entries are never changed: a correction is a further entry of the same source."""

    id = serializers.UUIDField(source="public_id")
    customer = CustomerBriefSerializer()
    points = PointsField(help_text="Signed change of the balance.")
    pending = PointsField(help_text="Signed change of what waits for approval.")
    balance_after = PointsField()
    pending_after = PointsField()
    effective_at = MomentField(help_text="When it was true.")
    created_at = MomentField(help_text="When it was posted.")
    expires_at = MomentField(allow_null=True)

    class Meta:
        model = LedgerEntry
        fields = (
            "id", "customer", "seq", "kind", "points", "pending", "balance_after", "pending_after", "source",
            "revision", "reason", "code", "actor", "effective_at", "created_at", "expires_at",
        )  # fmt: skip


class NewAdjustmentSerializer(StrictSerializer):
    customer = WhoSerializer()
    points = PointsField(help_text="Added; taken when negative.")
    reason = serializers.CharField(
        max_length=255, help_text="Shown wherever the points are, and kept for ever: name nobody."
    )
    code = serializers.ChoiceField(
        choices=LedgerEntry.Code.choices, required=False, help_text="The sort of reason, to count by."
    )
    external_id = serializers.CharField(
        required=False, max_length=80, help_text="Your id of this adjustment: with the same one it never counts twice."
    )


class WaitingAdjustmentSerializer(serializers.ModelSerializer):
    """An adjustment that nobody has approved yet. Its points move when a second person agrees."""

    id = serializers.UUIDField(source="public_id")
    state = serializers.ChoiceField(choices=["waiting"], default="waiting", read_only=True)
    customer = CustomerBriefSerializer()
    points = serializers.CharField(source="data.points", help_text="Signed, not moved yet.")
    reason = serializers.CharField(source="data.reason")
    code = serializers.CharField(source="data.code")
    created_at = MomentField(help_text="When it was asked for.")

    class Meta:
        model = Event
        fields = ("id", "state", "customer", "points", "reason", "code", "created_at")
