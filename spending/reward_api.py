"""Native calls about rewards. Changing what points buy needs the scope that adjusting needs."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from customers.models import Customer
from customers.references import customer_or_404
from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import ApiKey
from loyalty.stores.serializers import check_dates, checked_settings, described_settings, in_zone

from . import catalogue, rewarding, schema
from .models import Reward
from .rewards import KINDS, RewardKind
from .serializers import NewRewardSerializer, OfferSerializer, RewardChangeSerializer, RewardSerializer

MOMENTS = ("active_from", "active_until")


@schema.rewards
class RewardViewSet(StoreViewSet):
    queryset = Reward.objects.none()
    serializer_class = RewardSerializer
    scopes = dict.fromkeys(("create", "partial_update", "enable", "disable"), ApiKey.Scope.ADJUST)

    def get_queryset(self) -> QuerySet[Reward]:
        return self.store.rewards.select_related("pool")

    def get_object(self) -> Reward:
        reward = get_object_or_404(self.get_queryset(), public_id=self.kwargs["public_id"])
        return audit.about(self.request, reward)

    def shown(self, rows: list[Reward]) -> list[dict[str, Any]]:
        """With what would happen if the customer whom `?customer=` names took them."""
        reference = self.request.query_params.get("customer")
        verdicts = self.verdicts(rows, customer_or_404(self.store, reference)) if reference else None
        return OfferSerializer(rows, many=True, context={"store": self.store, "verdicts": verdicts}).data

    def verdicts(self, rows: list[Reward], customer: Customer) -> dict[int, Any]:
        return {offered.reward.pk: offered.verdict for offered in catalogue.offered(self.store, customer, rows)}

    def list(self, request: Request) -> Response:
        return self.get_paginated_response(self.shown(self.paginate_queryset(self.get_queryset())))

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(self.shown([self.get_object()])[0])

    def create(self, request: Request) -> Response:
        serializer = NewRewardSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        values = self.as_values(serializer.validated_data)
        check_dates(values.get("active_from"), values.get("active_until"))
        kind = values.pop("kind")
        values["settings"] = checked_settings(rewarding.clean_settings, kind, values.get("settings", {}))
        reward = audit.made(request, rewarding.create(self.store, kind, actor=self.actor, **values))
        return Response(self.shown([reward])[0], 201)

    def partial_update(self, request: Request, public_id: UUID) -> Response:
        reward = self.get_object()
        serializer = RewardChangeSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        values = self.as_values(serializer.validated_data)
        check_dates(values.get("active_from", reward.active_from), values.get("active_until", reward.active_until))
        if "settings" in values:
            values["settings"] = checked_settings(
                rewarding.clean_settings, reward.kind, reward.settings | values["settings"]
            )
        rewarding.change(reward, actor=self.actor, **values)
        return self.retrieve(request, public_id)

    def as_values(self, told: dict[str, Any]) -> dict[str, Any]:
        values = {name: in_zone(self.store, value) if name in MOMENTS else value for name, value in told.items()}
        if values.get("pool"):
            values["pool"] = self.store.code_pools.filter(public_id=values["pool"]).first()
            if values["pool"] is None:
                raise ValidationError({"pool": ["There is no such list of codes in this store."]})
        return values

    def enable(self, request: Request, public_id: UUID) -> Response:
        return self.switch(True)

    def disable(self, request: Request, public_id: UUID) -> Response:
        return self.switch(False)

    def switch(self, is_enabled: bool) -> Response:
        reward = self.get_object()
        rewarding.switch(reward, is_enabled)
        return Response(self.shown([reward])[0])


@schema.reward_kinds
class RewardKindViewSet(StoreViewSet):
    pagination_class = None

    def list(self, request: Request) -> Response:
        return Response({"data": [described(kind) for kind in KINDS.values()]})


def described(kind: RewardKind) -> dict[str, Any]:
    return {
        "kind": kind.key, "label": kind.label, "help": kind.help, "suggested_points": kind.suggested,
        "code_sources": kind.code_sources, "takes_multiplier": kind.takes_multiplier,
        "has_minimum_order": kind.has_minimum_order, "settings": described_settings(kind.Settings),
    }  # fmt: skip
