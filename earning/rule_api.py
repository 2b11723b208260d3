"""Native calls about earning rules. Changing what facts are worth needs the scope that adjusting needs."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import ApiKey
from loyalty.stores.serializers import check_dates, checked_settings, described_settings, in_zone

from . import rules, schema
from .actions import KINDS, Action
from .models import EarningRule
from .rule_serializers import NewRuleSerializer, RuleChangeSerializer, RuleSerializer


@schema.rules
class RuleViewSet(StoreViewSet):
    queryset = EarningRule.objects.none()
    serializer_class = RuleSerializer
    scopes = dict.fromkeys(("create", "partial_update", "enable", "disable"), ApiKey.Scope.ADJUST)

    def get_queryset(self) -> QuerySet[EarningRule]:
        return self.store.rules.all()

    def get_object(self) -> EarningRule:
        rule = get_object_or_404(self.store.rules, public_id=self.kwargs["public_id"])
        return audit.about(self.request, rule)

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(RuleSerializer(rows, many=True).data)

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(RuleSerializer(self.get_object()).data)

    def create(self, request: Request) -> Response:
        serializer = NewRuleSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        values = self.as_values(serializer.validated_data)
        check_dates(values.get("active_from"), values.get("active_until"))
        kind = values.pop("kind")
        values["settings"] = checked_settings(rules.clean_settings, kind, values.get("settings", {}))
        rule = audit.made(request, rules.create(self.store, kind, actor=self.actor, **values))
        return Response(RuleSerializer(rule).data, 201)

    def partial_update(self, request: Request, public_id: UUID) -> Response:
        rule = self.get_object()
        serializer = RuleChangeSerializer(rule, data=self.body())
        serializer.is_valid(raise_exception=True)
        values = self.as_values(serializer.validated_data)
        check_dates(values.get("active_from", rule.active_from), values.get("active_until", rule.active_until))
        if "settings" in values:
            values["settings"] = checked_settings(rules.clean_settings, rule.kind, rule.settings | values["settings"])
        rules.change(rule, actor=self.actor, **values)
        return self.retrieve(request, public_id)

    def as_values(self, told: dict[str, Any]) -> dict[str, Any]:
        moments = ("active_from", "active_until")
        return {name: in_zone(self.store, value) if name in moments else value for name, value in told.items()}

    def enable(self, request: Request, public_id: UUID) -> Response:
        return self.switch(True)

    def disable(self, request: Request, public_id: UUID) -> Response:
        return self.switch(False)

    def switch(self, is_enabled: bool) -> Response:
        rule = self.get_object()
        rules.switch(rule, is_enabled)
        return Response(RuleSerializer(rule).data)


@schema.rule_kinds
class RuleKindViewSet(StoreViewSet):
    pagination_class = None

    def list(self, request: Request) -> Response:
        return Response({"data": [described(kind) for kind in KINDS.values()]})


def described(kind: Action) -> dict[str, Any]:
    return {
        "kind": kind.key, "label": kind.label, "group": kind.group, "help": kind.help,
        "suggested_points": kind.suggested, "settings": described_settings(kind.Settings),
    }  # fmt: skip
