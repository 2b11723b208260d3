"""The wire shapes of rules."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from customers.serializers import PointsField
from loyalty.stores.serializers import MomentField, PropertiesField, StrictSerializer

from .actions import choices
from .models import MAX_POINTS, EarningRule


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
    points = PointsField(required=False, least=Decimal(0), most=MAX_POINTS)
    settings = PropertiesField(required=False)
    active_from = MomentField(required=False, allow_null=True)
    active_until = MomentField(required=False, allow_null=True)
    limit = serializers.ChoiceField(
        choices=EarningRule.Limit.choices, required=False, allow_blank=True, help_text="What limit_value counts."
    )
    limit_value = PointsField(required=False, allow_null=True, least=Decimal(0), most=MAX_POINTS)
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
    points = PointsField(least=Decimal(0), most=MAX_POINTS)
    identifier = serializers.RegexField(
        r"^[A-Za-z0-9_.-]{1,60}$", required=False,
        help_text="Of a custom action: what callers name. If absent it is made of the name.",
    )  # fmt: skip
    is_enabled = serializers.BooleanField(required=False)
