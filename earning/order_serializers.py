"""The wire shapes of orders and what is told of them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from customers.serializers import CustomerBriefSerializer, PointsField, identity_of
from loyalty.stores.serializers import MomentField, StrictSerializer

from .folding import AMOUNTS, STATUSES, ZERO
from .models import Order
from .serializers import ReceiptSerializer, receipt

MAX_MONEY = Decimal(1_000_000_000)


class MoneyField(PointsField):
    """An amount in the store's currency, exact to 4 decimals."""

    default_error_messages = {"too_precise": "Write an amount with at most 4 decimals."}

    def to_internal_value(self, data: Any) -> Decimal:
        amount = super().to_internal_value(data)
        if amount != round(amount, 4):
            self.fail("too_precise")
        return amount


class BuyerSerializer(StrictSerializer):
    external_id = serializers.CharField(required=False, allow_null=True, max_length=255)
    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    is_registered = serializers.BooleanField(required=False, help_text="Has an account in the shop, and is enrolled.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("external_id") or attrs.get("email"):
            identity_of(attrs)
        return attrs


class ItemSerializer(StrictSerializer):
    product_id = serializers.CharField(max_length=255)
    name = serializers.CharField(required=False, allow_blank=True, max_length=255)
    price = MoneyField(required=False, least=ZERO, most=MAX_MONEY)
    quantity = PointsField(required=False, least=ZERO, most=MAX_MONEY)
    categories = serializers.ListField(child=serializers.CharField(max_length=255), required=False, max_length=50)


class OrderFactSerializer(StrictSerializer):
    """The order as it stands. Facts may come late, twice and in any order."""

    external_id = serializers.CharField(max_length=255, help_text="The shop's id of the order.")
    status = serializers.ChoiceField(choices=STATUSES)
    customer = BuyerSerializer(help_text="Without an id and an address the order is kept and nobody earns.")
    total = MoneyField(least=ZERO, most=MAX_MONEY)
    subtotal = MoneyField(
        required=False, least=ZERO, most=MAX_MONEY,
        help_text="After discounts, before shipping and tax. If absent: total less shipping and tax.",
    )  # fmt: skip
    tax = MoneyField(required=False, least=ZERO, most=MAX_MONEY)
    shipping = MoneyField(required=False, least=ZERO, most=MAX_MONEY)
    discount = MoneyField(required=False, least=ZERO, most=MAX_MONEY)
    currency = serializers.CharField(required=False, max_length=3, help_text="Must be the store's.")
    number = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="As shoppers see it.")
    placed_at = MomentField(required=False, may_be_ahead=False)
    updated_at = MomentField(
        required=False, may_be_ahead=False, help_text="Of facts that differ the newest is believed."
    )
    discount_codes = serializers.ListField(child=serializers.CharField(max_length=255), required=False, max_length=50)
    items = ItemSerializer(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs.get("items", [])) > 500:
            raise ValidationError({"items": ["Send at most 500 items."]})
        rest = attrs["total"] - attrs.get("shipping", ZERO) - attrs.get("tax", ZERO)
        attrs.setdefault("subtotal", max(rest, ZERO))
        return attrs


class RefundSerializer(StrictSerializer):
    external_id = serializers.CharField(max_length=255, help_text="The shop's id of the refund: counted once.")
    amount = MoneyField(least=Decimal("0.0001"), most=MAX_MONEY, help_text="Of this refund alone.")


class FactReceiptSerializer(serializers.Serializer):
    """The fact is stored. A worker folds it into the order within seconds."""

    order = serializers.CharField()
    fact = serializers.ChoiceField(choices=["status", "refund", "cancelled"])
    is_new = serializers.BooleanField(help_text="False: it was told before, and changes nothing.")


class OrderSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    customer = CustomerBriefSerializer(allow_null=True)
    activity = serializers.SerializerMethodField(help_text="What the order is worth, once it has been applied.")
    placed_at = MomentField(allow_null=True)
    updated_at = MomentField()
    total, subtotal, tax = MoneyField(), MoneyField(), MoneyField()
    shipping, discount, refunded = MoneyField(), MoneyField(), MoneyField()

    class Meta:
        model = Order
        fields = (
            "id", "external_id", "number", "customer", "status", "is_cancelled", *AMOUNTS, "refunded",
            "discount_codes", "items", "placed_at", "updated_at", "activity",
        )  # fmt: skip

    @extend_schema_field(ReceiptSerializer(allow_null=True))
    def get_activity(self, order: Order) -> dict[str, Any] | None:
        activity = order.activities.filter(store_id=order.store_id).first()
        return activity and receipt(activity)
