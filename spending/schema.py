"""What the OpenAPI document says of the calls in api.py and reward_api.py."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers

from customers.schema import asked
from loyalty.stores.problems import CONTENT_TYPE
from loyalty.stores.schema import describe, one, told

from .models import Redemption
from .redemption_serializers import CancelSerializer, NewRedemptionSerializer, RedemptionSerializer, RefusalSerializer
from .serializers import (
    NewRewardSerializer,
    OfferSerializer,
    RewardChangeSerializer,
    RewardSerializer,
    VerdictSerializer,
)

FIVE_OFF = {
    "kind": "fixed_amount", "name": "5 off your next order", "points": "500", "settings": {"value": "5"},
    "code_source": "generated", "code_prefix": "THANKS-", "minimum_order": "20", "validity": "days",
    "validity_count": 30, "customer_limit": 2, "customer_limit_period": "month",
}  # fmt: skip
WORKSHOP = {
    "kind": "custom", "name": "A tasting with us", "points": "2000",
    "settings": {"thanks": "We write to you within two days."},
}  # fmt: skip
TAKE = {"customer": {"external_id": "c1"}, "reward": "0190d1f0-2a7c-7cc3-a1f6-6d0e9a3c5b11"}
CHOSEN = TAKE | {"points": "300"}

FOR_CUSTOMER = asked(
    "customer", "Add to each whether this customer may take it now and why not: our id, `external_id:<id>` or "
    "`email:<address>`.",
)  # fmt: skip
SOLD_OUT = {
    "type": "urn:problem-type:insufficient-points", "title": "Insufficient points", "status": 409,
    "detail": "It costs 500 points; the balance is 120, so 380 more are needed.", "errors": [],
    "code": "insufficient_points", "checks": [{"check": "balance", "ok": False, "seen": "120", "want": "500"}],
}  # fmt: skip
REFUSED = {
    (409, CONTENT_TYPE): OpenApiResponse(
        RefusalSerializer,
        "It was not taken. `code` says why: `not_enabled`, `not_active`, `not_enrolled`, `blocked`, `not_eligible`, "
        "`bad_amount`, `limit_reached`, `insufficient_points`, `out_of_codes`, `coupon_failed` (the shop did not make "
        "the code). A problem without `code` says that the first call under this Idempotency-Key still runs.",
        examples=[OpenApiExample("Too few points", SOLD_OUT, response_only=True, status_codes=["409"])],
    )
}


def switch(summary: str):
    return extend_schema(
        summary=summary, description="Needs the scope `adjust`.", tags=["Rewards"], request=None,
        responses=RewardSerializer,
    )  # fmt: skip


rewards = describe(
    list=extend_schema(
        summary="List rewards", tags=["Rewards"], parameters=[FOR_CUSTOMER], responses=OfferSerializer(many=True)
    ),
    retrieve=extend_schema(
        summary="Show a reward", tags=["Rewards"], parameters=[FOR_CUSTOMER], responses=OfferSerializer
    ),
    create=extend_schema(
        summary="Add a reward",
        description="Needs the scope `adjust`. With `code_source` `pool` and no `pool` it gets a list of codes of its "
        "own, which is empty until you upload some.",
        tags=["Rewards"],
        request=NewRewardSerializer,
        responses={201: RewardSerializer},
        examples=[
            OpenApiExample("An amount off", FIVE_OFF, request_only=True),
            OpenApiExample("Something of your own", WORKSHOP, request_only=True),
        ],
    ),
    partial_update=extend_schema(
        summary="Change a reward",
        description="Needs the scope `adjust`. Makes a new version; what was taken before keeps its own.",
        tags=["Rewards"],
        request=RewardChangeSerializer,
        responses=RewardSerializer,
        examples=[OpenApiExample("A sale", {"points": "400"}, request_only=True)],
    ),
    enable=switch("Switch a reward on"),
    disable=switch("Switch a reward off"),
)

reward_kinds = describe(
    list=extend_schema(
        operation_id="reward_kinds",
        summary="List the kinds of reward and their settings",
        tags=["Rewards"],
        responses=one("RewardKinds", {"data": serializers.ListField(child=serializers.DictField())}),
    )
)

redemptions = describe(
    list=extend_schema(
        summary="List redemptions",
        description="Newest first. A page with a filter may be shorter than its limit: go on while `next` is there.",
        tags=["Redemptions"],
        parameters=[
            asked("customer", "Of this customer only: our id, `external_id:<id>` or `email:<address>`."),
            asked("code", "The one with this code, in upper or lower case."),
            asked("reward", "Of this reward only, by our id."),
            asked("state", "In this state only.", enum=list(Redemption.State)),
            asked("order", "Used on the order with this id of the shop's."),
            asked("source", "From this wire only, such as `api`."),
        ],
    ),
    retrieve=extend_schema(summary="Show a redemption and why it was allowed", tags=["Redemptions"]),
    create=extend_schema(
        operation_id="redemptions_create",
        summary="Take a reward",
        description="Points and code move together or not at all. Name the call with `Idempotency-Key`: under the "
        "same key the points are never taken twice, however late it is sent again.",
        tags=["Redemptions"],
        request=NewRedemptionSerializer,
        responses=told(RedemptionSerializer) | REFUSED,
        examples=[
            OpenApiExample("A reward", TAKE, request_only=True),
            OpenApiExample("300 points' worth of an amount of their choice", CHOSEN, request_only=True),
        ],
    ),
    check=extend_schema(
        operation_id="redemptions_check",
        summary="Ask whether a reward may be taken",
        description="A dry run: takes nothing and answers with every condition, met or not.",
        tags=["Redemptions"],
        request=NewRedemptionSerializer,
        responses=VerdictSerializer,
        examples=[OpenApiExample("A reward", TAKE, request_only=True)],
    ),
    cancel=extend_schema(
        operation_id="redemptions_cancel",
        summary="Cancel a redemption",
        description="Its points go back, once. Its code never returns to the list: it has been shown.",
        tags=["Redemptions"],
        request=CancelSerializer,
        responses=RedemptionSerializer,
        examples=[OpenApiExample("By request", {"reason": "Taken by mistake"}, request_only=True)],
    ),
    use=extend_schema(
        operation_id="redemptions_use",
        summary="Mark a redemption used",
        description="For what you hand over yourself. An order that carries the code marks it by itself.",
        tags=["Redemptions"],
        request=None,
        responses=RedemptionSerializer,
    ),
)
