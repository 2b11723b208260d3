"""The wire shapes of activities and what came of them."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from customers.serializers import CustomerBriefSerializer, PointsField, WhoSerializer
from loyalty.stores.serializers import MomentField, PropertiesField, StrictSerializer

from .explaining import explain
from .models import MAX_POINTS, Activity, EarningRule

ZERO = Decimal(0)


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


def receipt(activity: Activity) -> dict[str, Any]:
    fields = ("action", "external_id", "state", "points")
    return ReceiptSerializer({"id": activity.public_id} | {name: getattr(activity, name) for name in fields}).data
