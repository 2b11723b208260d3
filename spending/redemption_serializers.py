"""The wire shapes of taking a reward."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from customers.serializers import CustomerBriefSerializer, PointsField, WhoSerializer
from loyalty.stores.serializers import MomentField, StrictSerializer

from .explaining import explain
from .models import Redemption, Reward
from .models.rewards import MAX_POINTS
from .serializers import LEAST_POINTS, CheckSerializer, MoneyField

MAX_MULTIPLIER = 10_000


class RewardBriefSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Reward
        fields = ("id", "name", "kind")


class UseOfRedemptionSerializer(serializers.ModelSerializer):
    """The order that carried the code."""

    external_id = serializers.CharField(source="order_external_id")
    total = MoneyField(source="order_total", allow_null=True)
    discount = MoneyField(source="order_discount", allow_null=True, help_text="What the order's codes took off.")

    class Meta:
        model = Redemption
        fields = ("external_id", "total", "discount")


class RedemptionSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    customer = CustomerBriefSerializer()
    reward = RewardBriefSerializer()
    points = PointsField(help_text="What it cost.")
    value = MoneyField(allow_null=True, help_text="In the store's currency, where that is known.")
    code = serializers.CharField(help_text="Empty where the reward has none, and while the shop makes it.")
    issued_at = MomentField()
    expires_at = MomentField(allow_null=True)
    used_at = MomentField(allow_null=True)
    order = serializers.SerializerMethodField(help_text="The order that carried the code.")
    cancelled_at = MomentField(allow_null=True)
    replaced_by = serializers.UUIDField(source="replaced_by.public_id", default=None, allow_null=True)
    decision = serializers.JSONField(help_text="Each condition that was checked.")
    explanation = serializers.SerializerMethodField(help_text="The decision in plain words.")

    class Meta:
        model = Redemption
        fields = (
            "id", "customer", "reward", "reward_version", "state", "points", "multiplier", "value", "code", "source",
            "actor", "issued_at", "expires_at", "used_at", "order", "cancelled_at", "cancel_reason", "cancelled_by",
            "replaced_by", "decision", "explanation",
        )  # fmt: skip

    @extend_schema_field(UseOfRedemptionSerializer(allow_null=True))
    def get_order(self, redemption: Redemption) -> dict[str, Any] | None:
        return UseOfRedemptionSerializer(redemption).data if redemption.order_external_id else None

    def get_explanation(self, redemption: Redemption) -> list[str]:
        return explain(redemption.decision, self.context["store"])


class NewRedemptionSerializer(StrictSerializer):
    """Which reward for whom. Of an amount of their choice also how much: in steps or in points."""

    customer = WhoSerializer(help_text="Must be known.")
    reward = serializers.UUIDField(help_text="Our id of the reward.")
    multiplier = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_MULTIPLIER, help_text="How many steps of it."
    )
    points = PointsField(
        required=False, least=LEAST_POINTS, most=MAX_POINTS, help_text="Instead of multiplier: whole steps of points."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "multiplier" in attrs and "points" in attrs:
            raise ValidationError({"points": ["Give multiplier or points, not both."]})
        return attrs


class CancelSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=255, help_text="Shown wherever the points are.")


class RefusalSerializer(serializers.Serializer):
    """A problem document that also tells each check. Nothing was taken."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="The reason as a sentence.")
    errors = serializers.ListField(child=serializers.DictField())
    code = serializers.CharField(help_text="Such as `insufficient_points` or `out_of_codes`.")
    checks = serializers.ListField(child=CheckSerializer())
