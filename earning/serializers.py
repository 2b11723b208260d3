"""The wire shapes of facts, rules and what came of them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from customers.serializers import CustomerBriefSerializer, PointsField, WhoSerializer, identity_of
from loyalty.stores.serializers import MomentField, PropertiesField, StrictSerializer

from .actions import choices
from .explaining import explain
from .folding import AMOUNTS, STATUSES
from .models import MAX_POINTS, Activity, EarningRule, Order

ZERO = Decimal(0)
MAX_MONEY = Decimal(1_000_000_000)


# --- Activities -------------------------------------------------------------------------------


class NewActivitySerializer(StrictSerializer):
    action = serializers.CharField(
        max_length=80,
        help_text="A kind such as `visit`, or the identifier or ActionID of a custom action. Orders go to /orders.",
    )
    customer = WhoSerializer(help_text="Who did it. An unknown person becomes a guest.")
    external_id = serializers.CharField(
        required=False, allow_blank=True, max_length=255,
        help_text="Your id of this fact: told again with the same action it changes nothing.",
    )  # fmt: skip
    occurred_at = MomentField(
        required=False, may_be_ahead=False, help_text="Now, if absent. Without an offset: in the store's time zone."
    )
    properties = PropertiesField(required=False)
    points = PointsField(
        required=False, least=ZERO, most=MAX_POINTS,
        help_text="Instead of what the rule gives. Needs the scope `adjust`.",
    )  # fmt: skip
    state = serializers.ChoiceField(
        choices=["approved", "pending"], required=False, help_text="Instead of the rule's: at once, or wait for a word."
    )


class ReceiptSerializer(serializers.Serializer):
    """The fact is stored. A worker applies it within seconds."""

    id = serializers.UUIDField()
    action = serializers.CharField()
    external_id = serializers.CharField()
    state = serializers.ChoiceField(choices=Activity.State.choices)
    points = PointsField(help_text="What it is worth as far as it has been applied.")


class RuleBriefSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = EarningRule
        fields = ("id", "name")


class ActivitySerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    customer = CustomerBriefSerializer()
    order = serializers.CharField(
        source="order.external_id", default=None, allow_null=True, help_text="Of a purchase: the order's id."
    )
    occurred_at = MomentField()
    received_at = MomentField()
    applied_at = MomentField(allow_null=True, help_text="Null: a worker has not come to it yet.")
    properties = PropertiesField()
    points = PointsField(help_text="What it is worth; after decline or void what it was.")
    rule = RuleBriefSerializer(allow_null=True, help_text="The rule that paid.")
    decision = serializers.JSONField(allow_null=True, help_text="Each rule considered, each condition, the arithmetic.")
    explanation = serializers.SerializerMethodField(help_text="The decision in plain words.")

    class Meta:
        model = Activity
        fields = (
            "id", "action", "external_id", "customer", "order", "source", "occurred_at", "received_at", "applied_at",
            "properties", "state", "points", "rule", "rule_version", "decision", "explanation",
        )  # fmt: skip

    def get_explanation(self, activity: Activity) -> list[str]:
        return explain(activity.decision, self.context["store"])


class BatchSerializer(StrictSerializer):
    """Up to 1,000 facts, each checked and stored by itself."""

    activities = NewActivitySerializer(many=True, help_text="1 to 1,000.")


# --- Orders -----------------------------------------------------------------------------------


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


def receipt(activity: Activity) -> dict[str, Any]:
    fields = ("action", "external_id", "state", "points")
    return ReceiptSerializer({"id": activity.public_id} | {name: getattr(activity, name) for name in fields}).data


# --- Rules ------------------------------------------------------------------------------------


class RuleSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    points = PointsField()
    limit_value = PointsField(allow_null=True)
    active_from = MomentField(allow_null=True)
    active_until = MomentField(allow_null=True)
    settings = PropertiesField(help_text="The kind's own; see /rule-kinds.")
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = EarningRule
        fields = (
            "id", "kind", "action", "action_id", "name", "text", "icon", "points", "settings", "is_enabled",
            "active_from", "active_until", "limit", "limit_value", "limit_period", "tags_any", "tags_none",
            "approval", "approval_days", "email_subject", "email_text", "position", "version", "created_at",
            "updated_at",
        )  # fmt: skip


class RuleChangeSerializer(StrictSerializer):
    """What a rule may be given; each change is a new version, and past decisions keep theirs."""

    name = serializers.CharField(required=False, max_length=100)
    text = serializers.CharField(required=False, allow_blank=True, max_length=255, help_text="For shoppers.")
    icon = serializers.CharField(required=False, max_length=30)
    points = PointsField(required=False, least=ZERO, most=MAX_POINTS)
    settings = PropertiesField(required=False)
    active_from = MomentField(required=False, allow_null=True)
    active_until = MomentField(required=False, allow_null=True)
    limit = serializers.ChoiceField(
        choices=EarningRule.Limit.choices, required=False, allow_blank=True, help_text="What limit_value counts."
    )
    limit_value = PointsField(required=False, allow_null=True, least=ZERO, most=MAX_POINTS)
    limit_period = serializers.ChoiceField(choices=EarningRule.Period.choices, required=False)
    tags_any = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=50)
    tags_none = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=50)
    approval = serializers.ChoiceField(choices=EarningRule.Approval.choices, required=False)
    approval_days = serializers.IntegerField(required=False, min_value=0, max_value=365)
    email_subject = serializers.CharField(required=False, allow_blank=True, max_length=150)
    email_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Settings that only make sense together; what is not given is as the rule has it."""
        rule: EarningRule | None = self.instance

        def after(name: str, default: Any) -> Any:
            return attrs.get(name, getattr(rule, name, default))

        if after("limit", "") and not after("limit_value", None):
            raise ValidationError({"limit_value": ["Say how many: a number above zero."]})
        if after("approval", "") == "after_days" and not after("approval_days", 0):
            raise ValidationError({"approval_days": ["Say after how many days: 1 to 365."]})
        return attrs


class NewRuleSerializer(RuleChangeSerializer):
    kind = serializers.ChoiceField(choices=choices(), help_text="One of /rule-kinds. It never changes.")
    name = serializers.CharField(max_length=100)
    points = PointsField(least=ZERO, most=MAX_POINTS)
    identifier = serializers.RegexField(
        r"^[A-Za-z0-9_.-]{1,60}$", required=False,
        help_text="Of a custom action: what callers name. If absent it is made of the name.",
    )  # fmt: skip
    is_enabled = serializers.BooleanField(required=False)
