"""Native calls about what customers did, and joining, which is something they do."""

import logging
import re
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from customers import enrolment, identities
from customers.api import CustomerViewSet
from customers.identities import BadIdentity, Identity, IdentityConflict
from customers.models import Customer
from customers.references import customer_or_404
from customers.serializers import IDENTIFIERS, NewCustomerSerializer
from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.parsers import BoundedJSONParser
from loyalty.stores.problems import Problem, problem_of
from loyalty.stores.tenancy import acting_for

from . import activities, applying, intake, schema
from .activities import ActivityConflict
from .intake import Accepted
from .models import Activity
from .naming import UnknownAction, action_named
from .serializers import ActivitySerializer

logger = logging.getLogger(__name__)

WAIT = re.compile(r"(?:^|[\s,;])wait=([0-9]{1,4})(?:$|[\s,;])")
MAX_WAIT = 10  # seconds
MAX_BATCH = 1_000
FILTERS = ("action", "external_id", "state", "source")


class BatchParser(BoundedJSONParser):
    max_bytes = 5 * 1024 * 1024


@schema.activities
class ActivityViewSet(StoreViewSet):
    queryset = Activity.objects.none()
    serializer_class = ActivitySerializer
    commits_alone = {"create", "batch"}
    refusals = {ActivityConflict: 409, BadIdentity: 400, UnknownAction: 400}

    def get_parsers(self) -> list[BoundedJSONParser]:
        return [BatchParser() if self.action_map.get("post") == "batch" else BoundedJSONParser()]

    def get_queryset(self) -> QuerySet[Activity]:
        return self.store.activities.select_related("customer", "rule", "order")

    def shown(self, rows: Any, **kwargs: Any) -> Any:
        return ActivitySerializer(rows, context={"store": self.store}, **kwargs).data

    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := request.query_params.get("customer"):
            rows = rows.filter(customer=customer_or_404(self.store, reference))
        return self.get_paginated_response(self.shown(self.paginate_queryset(rows), many=True))

    def narrowing(self) -> Q | None:
        asked = {name: self.request.query_params[name] for name in FILTERS if self.request.query_params.get(name)}
        if "\x00" in "".join(asked.values()) or asked.get("state", "pending") not in Activity.State:
            raise Problem(400, "invalid", f"state must be one of {', '.join(Activity.State)}.")
        if "action" in asked:
            asked["action"] = action_named(self.store, asked["action"])
        return Q(**asked) if asked else None

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(self.shown(get_object_or_404(self.get_queryset(), public_id=public_id)))

    def create(self, request: Request) -> Response:
        [answer] = intake.accept(request.auth, [self.body()])
        if isinstance(answer, Exception):
            raise answer
        if (seconds := seconds_to_wait(request)) and self.apply_within(seconds, answer):
            with acting_for(self.store.pk):
                applied = self.shown(self.get_queryset().get(pk=answer.recorded.id))
            return Response(applied, answer.status, headers={"Preference-Applied": "wait"})
        return Response(answer.receipt, answer.status)

    def apply_within(self, seconds: int, answer: Accepted) -> bool:
        """Apply a stored fact now. Whatever goes wrong, it stays stored and a worker applies it."""
        try:
            with acting_for(self.store.pk), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{seconds}s"])
                applying.apply_now(self.store, [answer.recorded.id])
            return True
        except Exception:
            logger.exception("Activity %s of store %s is left to a worker", answer.recorded.id, self.store.pk)
            return False

    def batch(self, request: Request) -> Response:
        answers = intake.accept(request.auth, batch_of(self.body()))
        return Response({"data": [self.item(answer) for answer in answers]})

    def item(self, answer: Accepted | Exception) -> dict[str, Any]:
        if isinstance(answer, Accepted):
            return {"status": answer.status, "activity": answer.receipt}
        problem = problem_of(answer, self.refusals)
        if problem is None:
            raise answer
        return {"status": problem.status, "problem": problem.body}

    def approve(self, request: Request, public_id: UUID) -> Response:
        return self.ask(public_id, Activity.State.APPROVED)

    def decline(self, request: Request, public_id: UUID) -> Response:
        return self.ask(public_id, Activity.State.DECLINED)

    def void(self, request: Request, public_id: UUID) -> Response:
        return self.ask(public_id, Activity.State.VOID)

    def ask(self, public_id: UUID, state: str) -> Response:
        activity = audit.about(self.request, get_object_or_404(self.store.activities, public_id=public_id))
        activities.ask(activity, state)
        applying.apply_now(self.store, [activity.pk])
        return self.retrieve(self.request, public_id)


def batch_of(body: Any) -> list[Any]:
    items = body.get("activities") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
        raise Problem(400, "invalid", f"Send an object with “activities”: a list of 1 to {MAX_BATCH:,} activities.")
    return items


def seconds_to_wait(request: Request) -> int:
    """From `Prefer: wait=N` (RFC 7240); 0 when the caller does not want to wait."""
    asked = WAIT.search(request.META.get("HTTP_PREFER", ""))
    return min(int(asked[1]), MAX_WAIT) if asked else 0


@schema.joining
class JoiningViewSet(CustomerViewSet):
    """Customers with the calls that enrol them, which pays the joining rule."""

    def create(self, request: Request) -> Response:
        serializer = NewCustomerSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        told = serializer.validated_data
        is_known = identities.find(self.store, told["identity"]) is not None
        customer = self.identified(told["identity"], enrol=told["enrol"])
        enrolment.update_profile(customer, **serializer.profile())
        return self.answer(customer, 200 if is_known else 201)

    def identified(self, identity: Identity, *, enrol: bool) -> Customer:
        if enrol:
            customer = activities.join(self.store, identity, source="api")
        else:
            customer = enrolment.identify(self.store, identity)
        for name in IDENTIFIERS[1:]:
            if getattr(identity, name) not in (None, getattr(customer, name)):
                raise IdentityConflict(f"The {name.replace('_', ' ')} belongs to another customer.")
        return customer

    def enrol(self, request: Request, reference: str) -> Response:
        customer = self.get_object()
        known_as = Identity(**{name: getattr(customer, name) for name in IDENTIFIERS})
        return self.answer(activities.join(self.store, known_as, source="api"))
