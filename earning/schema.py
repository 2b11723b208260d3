"""What the OpenAPI document says of the calls in api.py, order_api.py and rule_api.py."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers

from customers.schema import REFERENCE, asked
from customers.serializers import CustomerSerializer, NewCustomerSerializer
from loyalty.stores.schema import describe, one, told

from .models import Activity
from .order_serializers import FactReceiptSerializer, OrderFactSerializer, RefundSerializer
from .rule_serializers import NewRuleSerializer, RuleChangeSerializer, RuleSerializer
from .serializers import ActivitySerializer, BatchSerializer, NewActivitySerializer, ReceiptSerializer

CUSTOM = {
    "action": "share_photo",
    "external_id": "photo-812",
    "customer": {"external_id": "c1", "email": "ada@example.com"},
    "properties": {"album": "summer"},
}
VISIT = {"action": "visit", "customer": {"email": "ada@example.com"}}
PREFER = OpenApiParameter(
    "Prefer", str, OpenApiParameter.HEADER,
    description="`wait=N`: apply the fact now and answer with points and explanation, if that takes no longer "
    "than N seconds (at most 10). The answer says so in `Preference-Applied`.",
)  # fmt: skip


def verdict(summary: str, description: str):
    return extend_schema(
        summary=summary, description=description, tags=["Activities"], request=None, responses=ActivitySerializer
    )


activities = describe(
    list=extend_schema(
        summary="List activities",
        description="Newest first. A page with a filter may be shorter than its limit: go on while `next` is there.",
        tags=["Activities"],
        parameters=[
            asked("customer", "Of this customer only: our id, `external_id:<id>` or `email:<address>`."),
            asked("action", "Of this action only."),
            asked("external_id", "With this id of yours only."),
            asked("state", "In this state only.", enum=list(Activity.State)),
            asked("source", "From this wire only, such as `api`."),
        ],
    ),
    retrieve=extend_schema(summary="Show an activity and why it got its points", tags=["Activities"]),
    create=extend_schema(
        summary="Tell what a customer did",
        description="Stored and answered at once; a worker applies it within seconds. The same `action` and "
        "`external_id` told again changes nothing and is answered with 200.",
        tags=["Activities"],
        parameters=[PREFER],
        request=NewActivitySerializer,
        responses=told(ReceiptSerializer),
        examples=[
            OpenApiExample("A custom action", CUSTOM, request_only=True),
            OpenApiExample("A visit", VISIT, request_only=True),
        ],
    ),
    batch=extend_schema(
        operation_id="activities_batch",
        summary="Tell up to 1,000 activities",
        description="Each item is checked and stored by itself and has its own result, in the same order. "
        "The body may have up to 5 MiB.",
        tags=["Activities"],
        request=BatchSerializer,
        responses=inline_serializer(
            "BatchResults",
            {
                "data": inline_serializer(
                    "BatchResult",
                    {
                        "status": serializers.IntegerField(help_text="What the item alone would have been answered."),
                        "activity": ReceiptSerializer(required=False),
                        "problem": serializers.DictField(required=False, help_text="As in a refused call."),
                    },
                    many=True,
                )
            },
        ),
        examples=[OpenApiExample("Two", {"activities": [CUSTOM, VISIT]}, request_only=True)],
    ),
    approve=verdict("Approve an activity", "Its points count from now on."),
    decline=verdict("Decline an activity", "Its points are taken back, or never given."),
    void=verdict("Void an activity", "As if it had not happened: its points are taken back."),
)

joining = describe(
    create=extend_schema(
        summary="Add a customer, or tell more of one",
        description="Whoever any of the identifiers finds is that customer.",
        tags=["Customers"],
        request=NewCustomerSerializer,
        responses=told(CustomerSerializer),
        examples=[
            OpenApiExample(
                "A new customer",
                {"external_id": "c1", "email": "ada@example.com", "first_name": "Ada", "birthday": "1990-12-10"},
                request_only=True,
            )
        ],
    ),
    enrol=extend_schema(
        operation_id="customers_enrol",
        summary="Enrol a guest",
        tags=["Customers"],
        parameters=[REFERENCE],
        request=None,
        responses=CustomerSerializer,
    ),
)

ORDER = {
    "external_id": "1042",
    "status": "completed",
    "customer": {"external_id": "c1", "email": "ada@example.com", "is_registered": True},
    "total": "39.99",
    "shipping": "5.00",
    "tax": "5.00",
    "placed_at": "2026-03-31T14:05:00+02:00",
}

orders = describe(
    retrieve=extend_schema(summary="Show an order as it is known", tags=["Orders"]),
    create=extend_schema(
        summary="Tell how an order stands",
        description="Send it whenever the order changes. Points follow at the status that the store has chosen.",
        tags=["Orders"],
        request=OrderFactSerializer,
        responses=told(FactReceiptSerializer),
        examples=[OpenApiExample("Completed", ORDER, request_only=True)],
    ),
    refund=extend_schema(
        operation_id="orders_refund",
        summary="Tell of a refund",
        description="Its share of the order's points is taken back. A refund may come before its order.",
        tags=["Orders"],
        request=RefundSerializer,
        responses=told(FactReceiptSerializer),
        examples=[OpenApiExample("A part", {"external_id": "r-7", "amount": "10.00"}, request_only=True)],
    ),
    cancel=extend_schema(
        operation_id="orders_cancel",
        summary="Tell that an order was cancelled",
        description="All its points are taken back, whatever else is told of it.",
        tags=["Orders"],
        request=None,
        responses=told(FactReceiptSerializer),
    ),
)


def switch(summary: str):
    return extend_schema(summary=summary, tags=["Rules"], request=None, responses=RuleSerializer)


rules = describe(
    list=extend_schema(summary="List earning rules", tags=["Rules"]),
    retrieve=extend_schema(summary="Show an earning rule", tags=["Rules"]),
    create=extend_schema(
        summary="Add an earning rule",
        description="Needs the scope `adjust`.",
        tags=["Rules"],
        request=NewRuleSerializer,
        responses={201: RuleSerializer},
        examples=[
            OpenApiExample(
                "A custom action",
                {"kind": "custom", "name": "Share a photo", "identifier": "share_photo", "points": "100"},
                request_only=True,
            )
        ],
    ),
    partial_update=extend_schema(
        summary="Change an earning rule",
        description="Needs the scope `adjust`. Makes a new version; what was decided before keeps its own.",
        tags=["Rules"],
        request=RuleChangeSerializer,
        responses=RuleSerializer,
    ),
    enable=switch("Switch an earning rule on"),
    disable=switch("Switch an earning rule off"),
)

rule_kinds = describe(
    list=extend_schema(
        operation_id="rule_kinds",
        summary="List the kinds of earning rule and their settings",
        tags=["Rules"],
        responses=one("RuleKinds", {"data": serializers.ListField(child=serializers.DictField())}),
    )
)
