"""Native calls about orders: each stores one fact, and the order is folded from all of them."""

import hashlib
import json
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from customers.serializers import plain
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import Store
from loyalty.stores.problems import Problem
from loyalty.stores.serializers import in_zone

from . import orders, schema
from .models import Order
from .order_serializers import OrderFactSerializer, OrderSerializer, RefundSerializer
from .orders import Kind, OrderFactConflict


@schema.orders
class OrderViewSet(StoreViewSet):
    queryset = Order.objects.none()
    serializer_class = OrderSerializer
    refusals = {OrderFactConflict: 409}

    def get_queryset(self) -> QuerySet[Order]:
        return self.store.orders.select_related("customer")

    def retrieve(self, request: Request, external_id: str) -> Response:
        return Response(OrderSerializer(get_object_or_404(self.get_queryset(), external_id=stored(external_id))).data)

    def create(self, request: Request) -> Response:
        told = self.checked(OrderFactSerializer)
        if told.pop("currency", self.store.currency) != self.store.currency:
            raise Problem(400, "invalid", f"This store counts in {self.store.currency}. Convert the amounts.")
        external_id = told.pop("external_id")
        body = as_fact(self.store, told)
        return self.record(external_id, Kind.STATUS, fingerprint(body), body)

    def refund(self, request: Request, external_id: str) -> Response:
        told = self.checked(RefundSerializer)
        return self.record(stored(external_id), Kind.REFUND, told["external_id"], {"amount": plain(told["amount"])})

    def cancel(self, request: Request, external_id: str) -> Response:
        return self.record(stored(external_id), Kind.CANCELLED, "cancelled", {})

    def checked(self, serializer_class: type) -> dict[str, Any]:
        serializer = serializer_class(data=self.body())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def record(self, external_id: str, kind: Kind, identity: str, data: dict[str, Any]) -> Response:
        is_new = orders.record_fact(self.store, external_id, kind, identity=identity, data=data)
        receipt = {"order": external_id, "fact": str(kind), "is_new": is_new}
        return Response(receipt, 201 if is_new else 200)


def stored(external_id: str) -> str:
    """An order's id from an address; one that cannot be stored is unknown."""
    if len(external_id) > 255 or "\x00" in external_id:
        raise Problem(404, "not-found", "There is no such order in this store.")
    return external_id


def as_fact(store: Store, told: Any) -> Any:
    """Checked values as JSON: moments in UTC, so that they compare as text, and amounts as plain numbers."""
    told = {name: in_zone(store, value) if name.endswith("_at") else value for name, value in told.items()}
    return json.loads(json.dumps(told, default=as_text))


def as_text(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else value.astimezone(UTC).isoformat()


def fingerprint(body: dict[str, Any]) -> str:
    """Equal statements about an order are the same fact told again."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
