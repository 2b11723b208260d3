"""The wire shapes of rewards, and of whether one may be taken."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.serializers import PointsField, plain
from loyalty.stores.models import Store
from loyalty.stores.serializers import MomentField, PropertiesField, StrictSerializer

from .explaining import explain
from .models import Reward
from .models.rewards import MAX_POINTS
from .offers import Verdict
from .rewards import choices

LEAST_POINTS = Decimal("0.000001")
MAX_MONEY = Decimal(1_000_000_000)


class MoneyField(PointsField):
    """An amount in the store's currency, exact to 2 decimals."""

    default_error_messages = {"too_precise": "Write an amount with at most 2 decimals."}

    def to_internal_value(self, data: Any) -> Decimal:
        amount = super().to_internal_value(data)
        if amount != round(amount, 2):
            self.fail("too_precise")
        return amount


class CheckSerializer(serializers.Serializer):
    """One condition: what it asked for, what was seen, and whether that is well."""

    check = serializers.CharField()
    ok = serializers.BooleanField()


class VerdictSerializer(serializers.Serializer):
    """Whether a customer may take a reward now, and why not. Nothing was taken."""

    is_allowed = serializers.BooleanField()
    code = serializers.CharField(help_text="Why not, for programs: such as `insufficient_points`. Empty when allowed.")
    cost = PointsField(help_text="What it would take.")
    checks = serializers.ListField(child=CheckSerializer(), help_text="Each condition, with what was seen and wanted.")
    explanation = serializers.ListField(child=serializers.CharField(), help_text="The checks in plain words.")


def verdict(found: Verdict, store: Store) -> dict[str, Any]:
    told = {"is_allowed": found.is_ok, "code": found.code, "cost": plain(found.cost), "checks": found.checks}
    return told | {"explanation": explain(found.data, store)}


class RewardSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    gives = serializers.SerializerMethodField(help_text="What one gets, in a few words.")
    points = PointsField(help_text="What it costs; of an amount of their choice the cost of each step.")
    settings = PropertiesField(help_text="The kind's own; see /reward-kinds.")
    minimum_order = MoneyField(allow_null=True)
    pool = serializers.UUIDField(
        source="pool.public_id", default=None, allow_null=True, help_text="Where its codes come from."
    )
    active_from = MomentField(allow_null=True)
    active_until = MomentField(allow_null=True)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = Reward
        fields = (
            "id", "kind", "name", "text", "icon", "gives", "points", "settings", "minimum_order", "code_source",
            "code_prefix", "pool", "validity", "validity_count", "validity_until", "customer_limit",
            "customer_limit_period", "total_limit", "total_limit_period", "active_from", "active_until", "tags_any",
            "tags_none", "email_subject", "email_text", "is_enabled", "position", "version", "created_at",
            "updated_at",
        )  # fmt: skip

    def get_gives(self, reward: Reward) -> str:
        return reward.reward_kind.gives(reward.settings, self.context["store"].currency)


class OfferSerializer(RewardSerializer):
    for_customer = serializers.SerializerMethodField(help_text="May they take it now? Null without `?customer=`.")

    class Meta(RewardSerializer.Meta):
        fields = (*RewardSerializer.Meta.fields, "for_customer")

    @extend_schema_field(VerdictSerializer(allow_null=True))
    def get_for_customer(self, reward: Reward) -> dict[str, Any] | None:
        verdicts = self.context["verdicts"]
        return verdicts and verdict(verdicts[reward.pk], self.context["store"])


class RewardChangeSerializer(StrictSerializer):
    """What a reward may be given; each change is a new version, and past redemptions keep theirs."""

    name = serializers.CharField(required=False, max_length=100)
    text = serializers.CharField(required=False, allow_blank=True, max_length=255, help_text="For shoppers.")
    icon = serializers.CharField(required=False, max_length=30)
    points = PointsField(required=False, least=LEAST_POINTS, most=MAX_POINTS)
    settings = PropertiesField(required=False)
    minimum_order = MoneyField(required=False, allow_null=True, least=Decimal(0), most=MAX_MONEY)
    code_source = serializers.ChoiceField(choices=Reward.CodeSource.choices, required=False)
    code_prefix = serializers.CharField(
        required=False, allow_blank=True, max_length=20, help_text="Of the codes that we make."
    )
    pool = serializers.UUIDField(required=False, allow_null=True, help_text="A list of uploaded codes.")
    validity = serializers.ChoiceField(
        choices=Reward.Validity.choices, required=False, allow_blank=True, help_text="How long a code is good."
    )
    validity_count = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1000, help_text="How many days, weeks or months."
    )
    validity_until = serializers.DateField(required=False, allow_null=True, help_text="YYYY-MM-DD")
    customer_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2_147_483_647, help_text="How often one may take it."
    )
    customer_limit_period = serializers.ChoiceField(choices=Reward.Period.choices, required=False)
    total_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2_147_483_647, help_text="How often all may take it."
    )
    total_limit_period = serializers.ChoiceField(choices=Reward.Period.choices, required=False)
    active_from = MomentField(required=False, allow_null=True)
    active_until = MomentField(required=False, allow_null=True)
    tags_any = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=50)
    tags_none = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=50)
    email_subject = serializers.CharField(required=False, allow_blank=True, max_length=150)
    email_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    position = serializers.IntegerField(
        required=False, min_value=0, max_value=1_000_000, help_text="Where it stands among the others."
    )


class NewRewardSerializer(RewardChangeSerializer):
    kind = serializers.ChoiceField(choices=choices(), help_text="One of /reward-kinds. It never changes.")
    name = serializers.CharField(max_length=100)
    points = PointsField(least=LEAST_POINTS, most=MAX_POINTS)
    is_enabled = serializers.BooleanField(required=False)
