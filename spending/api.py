"""Native calls about taking rewards."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from customers.models import Customer
from customers.references import customer_or_404
from customers.serializers import customer_named, plain
from loyalty.stores import audit, idempotency
from loyalty.stores.api import StoreViewSet
from loyalty.stores.problems import Problem
from loyalty.stores.tenancy import acting_for

from . import catalogue, redemptions, schema
from .models import Redemption, Reward
from .redemption_serializers import CancelSerializer, NewRedemptionSerializer, RedemptionSerializer
from .redemptions import CannotCancel, RedemptionConflict, Refused
from .serializers import verdict

FILTERS = ("state", "source")
CANNOT_USE = {
    Redemption.State.CANCELLED: "This was cancelled: its points are back, so it is worth nothing.",
    Redemption.State.PENDING: "The shop is still making its code.",
}


@schema.redemptions
class RedemptionViewSet(StoreViewSet):
    queryset = Redemption.objects.none()
    serializer_class = RedemptionSerializer
    refusals = {RedemptionConflict: 409, CannotCancel: 409}

    def get_queryset(self) -> QuerySet[Redemption]:
        return self.store.redemptions.select_related("customer", "reward", "replaced_by")

    def get_object(self) -> Redemption:
        return get_object_or_404(self.get_queryset(), public_id=self.kwargs["public_id"])

    def shown(self, rows: Any, **kwargs: Any) -> Any:
        return RedemptionSerializer(rows, context={"store": self.store}, **kwargs).data

    # --- Looking ---

    def list(self, request: Request) -> Response:
        rows, asked = self.get_queryset(), request.query_params
        if reference := asked.get("customer"):
            rows = rows.filter(customer=customer_or_404(self.store, reference))
        if code := asked.get("code"):
            rows = rows.filter(code_key=Lower(Value(without_nul("code", code))))
        return self.get_paginated_response(self.shown(self.paginate_queryset(rows), many=True))

    def narrowing(self) -> Q | None:
        given = self.request.query_params
        asked = {name: without_nul(name, given[name]) for name in FILTERS if given.get(name)}
        if asked.get("state", "issued") not in Redemption.State:
            raise Problem(400, "invalid", f"state must be one of {', '.join(Redemption.State)}.")
        if given.get("order"):
            asked["order_external_id"] = without_nul("order", given["order"])
        if given.get("reward"):
            asked["reward"] = self.reward_of(given["reward"])
        return Q(**asked) if asked else None

    def reward_of(self, text: str) -> Reward:
        try:
            return get_object_or_404(self.store.rewards, public_id=UUID(text))
        except ValueError as error:
            raise Problem(400, "invalid", "reward must be our id of a reward.") from error

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(self.shown(self.get_object()))

    def check(self, request: Request) -> Response:
        customer, reward, multiplier = self.wanted()
        return Response(verdict(catalogue.check(self.store, customer, reward, multiplier), self.store))

    # --- Taking ---

    def create(self, request: Request) -> Response:
        """The points and, where it is at hand, the code. What the shop has to make follows in `perform`."""
        customer, reward, multiplier = self.wanted()
        identity = self.identity()
        is_known = bool(identity) and self.store.redemptions.filter(identity=identity).exists()
        try:
            taken = redemptions.begin(
                self.store, customer, reward, multiplier=multiplier, actor=self.actor, identity=identity
            )
        except Refused as refused:
            raise self.refusal(refused) from refused
        return Response(self.shown(self.get_queryset().get(pk=taken.pk)), 200 if is_known else 201)

    def perform(self, handle: Callable[[], Response]) -> Response:
        response = super().perform(handle)
        if self.action == "create" and response.status_code < 300 and response.data["state"] == "pending":
            return self.finished(response)
        return response

    def finished(self, response: Response) -> Response:
        """Now that the points are safely taken and no lock is held, the shop is asked for the code."""
        with acting_for(self.store.pk):
            taken = self.get_queryset().get(public_id=response.data["id"])
        try:
            redemptions.finish(self.store, taken)
        except Refused as refused:
            raise self.refusal(refused) from refused
        with acting_for(self.store.pk):
            response.data = self.shown(self.get_queryset().get(pk=taken.pk))
        return response

    def identity(self) -> str:
        """What `Idempotency-Key` stands for: kept with the redemption itself, so that it holds for ever."""
        name = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        return f"key:{idempotency.digest(str(self.request.auth.pk), name).hex()}" if name else ""

    def wanted(self) -> tuple[Customer, Reward, int]:
        serializer = NewRedemptionSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        told = serializer.validated_data
        customer = customer_named(self.store, told["customer"])
        if customer is None:
            raise Problem(404, "not-found", "There is no such customer in this store.")
        reward = self.store.rewards.select_related("pool").filter(public_id=told["reward"]).first()
        if reward is None:
            raise Problem(404, "not-found", "There is no such reward in this store.")
        return customer, reward, steps_of(reward, told)

    def refusal(self, refused: Refused) -> Problem:
        checks = refused.verdict.checks if refused.verdict else []
        return Problem(
            409, refused.code.replace("_", "-"), str(refused), members={"code": refused.code, "checks": checks}
        )

    # --- Afterwards ---

    def cancel(self, request: Request, public_id: UUID) -> Response:
        redemption = self.get_object()
        serializer = CancelSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        audit.about(request, redemption)
        redemptions.cancel(self.store, redemption, reason=serializer.validated_data["reason"], actor=self.actor)
        return self.retrieve(request, public_id)

    def use(self, request: Request, public_id: UUID) -> Response:
        redemption = self.get_object()
        redemptions.hand_over(self.store, redemption)
        if redemption.state != Redemption.State.USED:
            raise Problem(409, "cannot-use", CANNOT_USE[redemption.state])
        return self.retrieve(request, public_id)


def without_nul(name: str, text: str) -> str:
    if "\x00" in text:
        raise Problem(400, "invalid", f"{name} has a character that no text has.")
    return text


def steps_of(reward: Reward, told: dict[str, Any]) -> int:
    """How many steps of the reward `points` pay for, where a call names points instead."""
    if "points" not in told:
        return told.get("multiplier", reward.reward_kind.bounds(reward.settings)[0])
    steps, rest = divmod(told["points"], reward.points)
    if rest or not steps:
        raise ValidationError({"points": [f"Give a multiple of {plain(reward.points)}, the cost of a step."]})
    return int(steps)
