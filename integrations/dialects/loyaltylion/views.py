"""Every call: credential, rate, method, scope, body; then one transaction that may touch this store only."""

import logging
import math
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from integrations import connections
from integrations.models import Connection
from loyalty.stores import rate_limits
from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.models import Store
from loyalty.stores.parsers import read_body
from loyalty.stores.retrying import TWINS, retried
from loyalty.stores.tenancy import act_for

from . import claims, facts, paging, rewards, shapes
from .authentication import Credential, authenticate
from .keys import key_of
from .names import Name
from .refusals import Refused, bad_request, method_not_allowed, not_found, rate_limited, too_large, unavailable

logger = logging.getLogger(__name__)

MAX_BYTES = 5 * 1024 * 1024
CALLS_PER_SECOND = 20


# A refusal is answered after its transaction has ended, and a failed commit in this wire's own form.
@method_decorator([csrf_exempt, transaction.non_atomic_requests], name="dispatch")
class Endpoint(View):
    """One address. A method is allowed if `scopes` names it, with the scope that it needs ("": any credential)."""

    http_method_names = ["get", "post", "put"]
    scopes: ClassVar[dict[str, str]] = {}
    is_alone = False  # it may have to ask the shop, so it has transactions of its own
    credential: Credential

    @property
    def connection(self) -> Connection:
        return self.credential.connection

    @property
    def store(self) -> Store:
        return self.connection.store

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            self.credential = authenticate(request.headers.get("Authorization", ""))
            try:
                return self.answer(request, **kwargs)
            except Refused as refusal:
                self.note(refusal)
                raise
        except Refused as refusal:
            return refusal.response()
        except Exception:
            logger.exception("A call to %s could not be answered", request.path)
            return unavailable().response()

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.admit(request)
        self.body = read_members(request) if request.method in ("POST", "PUT") else {}
        connections.note_call(self.connection, f"{request.method} {request.path}")
        return self.perform(getattr(self, str(request.method).lower()), request, **kwargs)

    def perform(self, handler: Callable[..., HttpResponse], request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """In one transaction; once more from the start when a twin call was in its way."""
        if self.is_alone:
            return handler(request, **kwargs)

        def alone() -> HttpResponse:
            with transaction.atomic():
                act_for(self.store.pk)
                return handler(request, **kwargs)

        return retried(alone, TWINS)

    def admit(self, request: HttpRequest) -> None:
        taken = rate_limits.take(self.credential.name, CALLS_PER_SECOND)
        if taken is not None and not taken.is_allowed:
            raise rate_limited(math.ceil(taken.retry_after))
        if "\x00" in request.path:
            raise not_found()
        if request.method not in self.scopes:
            raise method_not_allowed(list(self.scopes))
        self.credential.require(self.scopes[request.method])

    def note(self, refusal: Refused) -> None:
        """Show it to the merchant; but clients ask for what may not exist, and are told."""
        if refusal.status != 404:
            connections.note_error(self.connection, f"A call was refused: {refusal.message}")


def read_members(request: HttpRequest) -> dict[str, Any]:
    """A body as its members, whatever its content type. Nothing and PHP's empty array are none."""
    try:
        body = read_body(request, MAX_BYTES)
        members = loads(body, max_bytes=MAX_BYTES) if body.strip() else {}
    except TooLarge as error:
        raise too_large(str(error)) from error
    except BadJSON as error:
        raise bad_request(error.message) from error
    if members == []:
        return {}
    if not isinstance(members, dict):
        raise bad_request("The body must be a JSON object.")
    return members


def empty(status: int) -> HttpResponse:
    return HttpResponse(status=status, content_type="application/json")


class Activities(Endpoint):
    scopes = {"GET": "read_customers", "POST": "write_customers"}

    def get(self, request: HttpRequest) -> HttpResponse:
        place = paging.place_of(request, ("created_at_min", "created_at_max"))
        rows = shapes.with_relations(self.store, self.store.activities.all())
        page = paging.page_of(paging.between(rows, place.filters, "created_at", "received_at"), place)
        return page.response(request, "activities", [shapes.activity(row) for row in page.rows])

    def post(self, request: HttpRequest) -> HttpResponse:
        facts.tell(self.connection, facts.read(self.body))
        return empty(201)


class ActivityState(Endpoint):
    scopes = {"PUT": "write_customers"}

    def put(self, request: HttpRequest, name: str, merchant_id: str) -> HttpResponse:
        state = facts.read_state(self.body)
        facts.amend(self.store, Name(name), merchant_id, state)
        return empty(204)


class Rewards(Endpoint):
    scopes = {"GET": "read_customers"}

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse({"rewards": rewards.shown(claims.live(self.store), self.connection)})


class AvailableRewards(Endpoint):
    scopes = {"GET": "read_customers"}

    def get(self, request: HttpRequest, merchant_id: str) -> HttpResponse:
        customer = claims.customer_named(self.store, merchant_id)
        return JsonResponse({"rewards": rewards.shown(claims.available(self.store, customer), self.connection)})


class ClaimedRewards(Endpoint):
    scopes = {"POST": "write_customers"}
    is_alone = True

    def post(self, request: HttpRequest, merchant_id: str) -> HttpResponse:
        told, key = claims.read(self.body), key_of(request, self.credential, self.body)
        status, answer = claims.claim(self.connection, merchant_id, told, key, self.credential.name)
        return JsonResponse(answer, status=status)


class ClaimedRewardRefund(Endpoint):
    scopes = {"POST": "write_customers"}

    def post(self, request: HttpRequest, merchant_id: str, claimed_reward_id: str) -> HttpResponse:
        number = int(claimed_reward_id) if len(claimed_reward_id) < 19 else 0
        return JsonResponse(claims.refund(self.connection, merchant_id, number, self.credential.name))


class WhoAmI(Endpoint):
    scopes = {"GET": ""}

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(shapes.whoami(self.credential))


class Sites(Endpoint):
    scopes = {"GET": ""}

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse({"sites": [shapes.site(self.connection)]})


class Unknown(Endpoint):
    """The rest of the wire's addresses: the same errors as elsewhere, not a page."""

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        raise not_found()
