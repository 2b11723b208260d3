"""What every call of the widget passes: rate limit, origin, token; and the answers' form."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from customers.models import Customer
from loyalty.stores import rate_limits
from loyalty.stores.guessing import network
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import origins, sessions
from .bodies import Refusal, body_of
from .models import Widget
from .sessions import Door, Session

PREFLIGHT_SECONDS = 600
CALLS_A_SECOND = 10  # of one address or one session


@dataclass(frozen=True)
class Visit:
    """A call with a token: whose page it is, and who looks at it."""

    session: Session
    door: Door
    body: dict[str, Any]

    @property
    def store(self) -> Store:
        return self.door.store

    @property
    def widget(self) -> Widget:
        return self.door.widget

    @property
    def rights(self) -> list[str]:
        return self.session.rights(self.widget)

    @property
    def mode(self) -> str:
        return self.session.mode(self.widget)

    def customer(self) -> Customer | None:
        return self.session.customer(self.store)

    def needs(self, right: str) -> None:
        if right not in self.rights:
            raise Refusal(403, "read_only", "This page may look and not do that. Sign in to the shop again.")


def opened(method: str) -> Callable:
    """For calls that no token opens: `view(request)` gives what stands in `data` and the origins it is for."""

    def decorate(view: Callable[[HttpRequest], tuple[Any, list[str]]]) -> Callable:
        @wraps(view)
        def wrapped(request: HttpRequest) -> HttpResponse:
            def perform() -> HttpResponse:
                data, allowed = view(request)
                return readable_by(request, JsonResponse({"data": data}), allowed)

            return answered(request, method, perform)

        return csrf_exempt(transaction.non_atomic_requests(wrapped))

    return decorate


def call(method: str, *, is_atomic: bool = True) -> Callable:
    """For calls with a token: `view(request, visit)` gives what stands in `data`, acting for the token's store."""

    def decorate(view: Callable[[HttpRequest, Visit], Any]) -> Callable:
        @wraps(view)
        def wrapped(request: HttpRequest) -> HttpResponse:
            def perform() -> HttpResponse:
                visit = visit_of(request, method)
                allowed = [visit.session.origin]
                try:
                    with acting_for(visit.store.pk) if is_atomic else nullcontext():
                        data = view(request, visit)
                except Refusal as refusal:
                    refusal.allowed = allowed
                    raise
                return readable_by(request, JsonResponse({"data": data}), allowed)

            return answered(request, method, perform)

        return csrf_exempt(transaction.non_atomic_requests(wrapped))

    return decorate


def answered(request: HttpRequest, method: str, perform: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        if request.method == "OPTIONS":
            return preflight(request, method)
        if request.method != method:
            raise Refusal(405, "method_not_allowed", f"Send a {method} request.")
        limit(f"address:{network(request)}")
        response = perform()
    except Refusal as refusal:
        response = readable_by(request, refused(refusal), refusal.allowed)
    if response.status_code == 405:
        response["Allow"] = f"{method}, OPTIONS"
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Origin"])
    return response


def refused(refusal: Refusal) -> JsonResponse:
    headers = {"Retry-After": "1"} if refusal.status == 429 else {}
    return JsonResponse(refusal.body, status=refusal.status, headers=headers)


def preflight(request: HttpRequest, method: str) -> HttpResponse:
    """The browser asks before it calls. Which store is not known yet, so any store's verified origin may ask."""
    response = HttpResponse(status=204)
    origin = request.headers.get("Origin", "")
    if origin and origins.is_of_anyone(origin, request):
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Methods"] = method
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    patch_vary_headers(response, ["Origin"])
    return response


def readable_by(request: HttpRequest, response: HttpResponse, allowed: list[str]) -> HttpResponse:
    """Let the page that asked read the answer, if its origin is one of these, letter by letter."""
    origin = request.headers.get("Origin", "")
    if origin in allowed:
        response["Access-Control-Allow-Origin"] = origin
    return response


def visit_of(request: HttpRequest, method: str) -> Visit:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    session = Session.of(token.strip()) if scheme.lower() == "bearer" and len(token) < 2000 else None
    door = sessions.resume(session) if session else None
    if session is None or door is None:
        raise Refusal(401, "token_expired", "The token is not good any more. Ask for another.")
    if request.headers.get("Origin", session.origin) not in (session.origin, origins.own_origin(request)):
        raise Refusal(403, "wrong_origin", "This token is for pages of another origin.")
    limit(f"session:{session.store_id}:{session.customer_id or network(request)}")
    return Visit(session, door, body_of(request) if method == "POST" else {})


def limit(bucket: str) -> None:
    taken = rate_limits.take(f"widget:{bucket}", CALLS_A_SECOND)
    if taken and not taken.is_allowed:
        raise Refusal(429, "too_many_calls", "Too many calls. Wait a moment.")
