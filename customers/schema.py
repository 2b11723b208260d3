"""What the OpenAPI document says of the calls in api.py."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from loyalty.stores.schema import describe, one, told

from .serializers import (
    BalanceSerializer,
    CustomerChangeSerializer,
    CustomerSerializer,
    EntrySerializer,
    NewAdjustmentSerializer,
    WaitingAdjustmentSerializer,
)

REFERENCE = OpenApiParameter(
    "reference", str, OpenApiParameter.PATH, description="Our id, `external_id:<the shop's id>` or `email:<address>`."
)


def asked(name: str, description: str, **kwargs) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description, **kwargs)


customers = describe(
    list=extend_schema(
        summary="List customers",
        tags=["Customers"],
        parameters=[asked("external_id", "The one with this id."), asked("email", "The one with this address.")],
    ),
    retrieve=extend_schema(summary="Show a customer", tags=["Customers"], parameters=[REFERENCE]),
    partial_update=extend_schema(
        summary="Change a customer",
        tags=["Customers"],
        parameters=[REFERENCE],
        request=CustomerChangeSerializer,
        responses=CustomerSerializer,
        examples=[OpenApiExample("Tags", {"tags": ["vip"]}, request_only=True)],
    ),
)

balances = describe(
    retrieve=extend_schema(
        operation_id="customers_balance", summary="Show a balance", tags=["Customers"], parameters=[REFERENCE]
    ),
    list=extend_schema(
        operation_id="balances",
        summary="Show many balances",
        tags=["Customers"],
        parameters=[
            asked("ids", "1 to 250 customers, separated by commas, each named as in an address.", required=True)
        ],
        responses=one(
            "Balances",
            {
                "data": inline_serializer(
                    "BalanceOf", {"asked": serializers.CharField(), "balance": BalanceSerializer()}, many=True
                ),
                "unknown": serializers.ListField(child=serializers.CharField()),
            },
        ),
    ),
)

entries = describe(
    list=extend_schema(
        summary="List movements of points",
        description="The ledger: entries are never changed, a correction is a further entry of the same source.",
        tags=["Ledger"],
        parameters=[asked("customer", "Of this customer only, named as in an address.")],
    ),
    statement=extend_schema(
        operation_id="customers_entries",
        summary="List a customer's movements of points",
        tags=["Customers"],
        parameters=[REFERENCE],
    ),
)

adjustments = describe(
    create=extend_schema(
        summary="Give or take points",
        description="Needs the scope `adjust`. Taking more than the balance is refused. A store may want a second "
        "person for more than so many points: then the answer is 202, nothing has moved, and the same `external_id` "
        "told again answers with the entry once somebody has approved it, or 409 when it was declined. The daily cap "
        "on people does not hold for keys.",
        tags=["Ledger"],
        request=NewAdjustmentSerializer,
        responses=told(EntrySerializer)
        | {202: OpenApiResponse(WaitingAdjustmentSerializer, "It waits for a second person; nothing has moved.")},
        examples=[
            OpenApiExample(
                "A gift",
                {
                    "customer": {"external_id": "c1"},
                    "points": "50",
                    "reason": "Sorry for the delay",
                    "code": "goodwill",
                    "external_id": "t-91",
                },
                request_only=True,
            )
        ],
    )
)
