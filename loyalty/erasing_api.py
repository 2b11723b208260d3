"""Native calls that export and erase a customer."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.models import Customer
from customers.references import customer_or_404
from customers.schema import REFERENCE
from customers.serializers import CustomerSerializer
from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import ApiKey
from loyalty.stores.schema import describe
from loyalty.stores.serializers import StrictSerializer

from . import erasing


class EraseSerializer(StrictSerializer):
    reason = serializers.ChoiceField(choices=erasing.Reason.choices, help_text="Why. It is kept for ever.")


@describe(
    export=extend_schema(
        operation_id="customers_export",
        summary="Export all that is known of a customer",
        description="Needs the scope `privacy`. Profile, ids, movements, activities with their reasons, orders, "
        "redemptions, events and the calls that name them.",
        tags=["Customers"],
        parameters=[REFERENCE],
        responses=OpenApiTypes.OBJECT,
    ),
    erase=extend_schema(
        operation_id="customers_erase",
        summary="Erase a customer",
        description="Needs the scope `privacy`. Cannot be undone: names, addresses, ids and what was told of the "
        "person are gone from every table; movements of points stay, and name nobody. Known by their e-mail address "
        "or id again, they are somebody new.",
        tags=["Customers"],
        parameters=[REFERENCE],
        request=EraseSerializer,
        responses=CustomerSerializer,
        examples=[OpenApiExample("On request", {"reason": "asked"}, request_only=True)],
    ),
)
class ErasingViewSet(StoreViewSet):
    queryset = Customer.objects.none()
    serializer_class = EraseSerializer
    pagination_class = None
    scopes = {"export": ApiKey.Scope.PRIVACY, "erase": ApiKey.Scope.PRIVACY}

    def export(self, request: Request, reference: str) -> Response:
        customer = customer_or_404(self.store, reference)
        audit.note(request, customer)
        return Response(erasing.export(customer))

    def erase(self, request: Request, reference: str) -> Response:
        customer = customer_or_404(self.store, reference)
        serializer = self.get_serializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        reason = serializer.validated_data["reason"]
        if erasing.erase(customer, reason, actor=self.actor):
            audit.note(request, customer, str(erasing.Reason(reason).label))
        return Response(CustomerSerializer(self.store.customers.prefetch_related("wallets").get(pk=customer.pk)).data)
