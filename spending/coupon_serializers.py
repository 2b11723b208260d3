"""The wire shapes of lists of codes and of their imports."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from loyalty.stores.serializers import MomentField, StrictSerializer

from . import coupon_stock
from .coupons import chain
from .csv_layout import DELIMITERS, ENCODINGS, previews
from .models import CodePool, CouponCode, CouponImport
from .models.codes import MOST_LOW_STOCK
from .serializers import MoneyField


class CountsSerializer(serializers.Serializer):
    """Codes by state. Of more than 10,000 as counted some seconds ago."""

    free, issued, used, expired, void, total = (serializers.IntegerField() for _ in range(6))


class PoolSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    fallback = serializers.UUIDField(
        source="fallback.public_id", default=None, allow_null=True, help_text="Codes come from it then."
    )
    low_since = MomentField(allow_null=True, help_text="Since when so few are left as `low_stock_at` says.")
    counts = serializers.SerializerMethodField()
    created_at = MomentField()

    class Meta:
        model = CodePool
        fields = ("id", "name", "low_stock_at", "when_empty", "fallback", "low_since", "counts", "created_at")

    @extend_schema_field(CountsSerializer)
    def get_counts(self, pool: CodePool) -> dict[str, int]:
        return coupon_stock.counts_of(self.context["store"], pool)


class PoolChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=100, required=False, help_text="Shoppers never see it.")
    low_stock_at = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_LOW_STOCK, help_text="Warn when this many are left."
    )
    when_empty = serializers.ChoiceField(choices=CodePool.WhenEmpty.choices, required=False)
    fallback = serializers.UUIDField(required=False, allow_null=True, help_text="Another list, for `fallback`.")

    def validate_fallback(self, value: Any) -> CodePool | None:
        if value is None:
            return None
        found = self.context["store"].code_pools.filter(public_id=value).first()
        if found is None:
            raise ValidationError("There is no such list of codes in this store.")
        if self.instance and any(pool.pk == self.instance.pk for pool in chain(found)):
            raise ValidationError("It takes codes from this list itself when it is empty.")
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        now = {name: getattr(self.instance, name, None) for name in ("when_empty", "fallback")} | attrs
        if now["when_empty"] == CodePool.WhenEmpty.FALLBACK and not now["fallback"]:
            raise ValidationError({"fallback": "Say which list codes come from."})
        return attrs


class NewPoolSerializer(PoolChangeSerializer):
    name = serializers.CharField(max_length=100, help_text="Shoppers never see it.")


class CodeSerializer(serializers.ModelSerializer):
    value = MoneyField(allow_null=True)
    created_at = MomentField()

    class Meta:
        model = CouponCode
        fields = ("code", "state", "value", "expires_on", "created_at")


class FlawSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    text = serializers.CharField()
    why = serializers.CharField()


class PreviewSerializer(serializers.Serializer):
    encoding = serializers.CharField()
    label = serializers.CharField()
    text = serializers.CharField(help_text="How the line reads in it.")


class ImportSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    pool = serializers.UUIDField(source="pool.public_id")
    refusal = serializers.CharField(help_text="Why the file as a whole was not taken.")
    duplicate = serializers.IntegerField(help_text="Again in the same file.")
    known = serializers.IntegerField(help_text="Imported before.")
    done = serializers.IntegerField(help_text="Rows of the present step that are done.")
    loaded = serializers.IntegerField(help_text="Codes that it added.")
    problems = serializers.SerializerMethodField(help_text="The first hundred rows that are not usable.")
    encodings = serializers.SerializerMethodField(help_text="While it is `asking`: what the file may be written in.")
    layout = serializers.SerializerMethodField(help_text="How it is read: columns from 0, the delimiter, a header.")
    created_at = MomentField()
    finished_at = MomentField(allow_null=True)

    class Meta:
        model = CouponImport
        fields = (
            "id", "pool", "state", "file_name", "size", "rows", "new", "duplicate", "known", "invalid", "done",
            "loaded", "refusal", "problems", "encodings", "layout", "created_at", "finished_at",
        )  # fmt: skip

    @extend_schema_field(FlawSerializer(many=True))
    def get_problems(self, row: CouponImport) -> list[dict[str, Any]]:
        return [dict(zip(("line", "text", "why"), problem, strict=True)) for problem in row.problems]

    @extend_schema_field(PreviewSerializer(many=True))
    def get_encodings(self, row: CouponImport) -> list[dict[str, str]]:
        asked = row.layout.get("asked") if row.state == CouponImport.State.ASKING else None
        return previews(bytes.fromhex(asked["sample"])) if asked else []

    def get_layout(self, row: CouponImport) -> dict[str, Any]:
        return {name: value for name, value in row.layout.items() if name not in ("asked", "starts_at", "is_chosen")}


class ReadAsSerializer(StrictSerializer):
    """How the file is to be read instead. Another encoding or delimiter finds the columns anew."""

    encoding = serializers.ChoiceField(choices=list(ENCODINGS.items()), required=False)
    delimiter = serializers.ChoiceField(choices=[(one, name) for one, name in DELIMITERS.items()], required=False)
    has_header = serializers.BooleanField(required=False)
    code = serializers.IntegerField(required=False, min_value=0, help_text="The column of the code, from 0.")
    value = serializers.IntegerField(required=False, min_value=0, allow_null=True)
    expires_on = serializers.IntegerField(required=False, min_value=0, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        width = self.instance.layout.get("width", 1)
        for name in ("code", "value", "expires_on"):
            if (attrs.get(name) or 0) >= width:
                raise ValidationError({name: f"The file has {width} columns; they count from 0."})
        return attrs
