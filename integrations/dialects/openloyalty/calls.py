"""What every call on this wire has in common: its credential, its store, its JSON, its refusals."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction
from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations import connections, exact_json
from integrations.models import Connection
from loyalty.stores import idempotency
from loyalty.stores.models import StaffMember, Store
from loyalty.stores.parsers import BoundedJSONParser
from loyalty.stores.tenancy import act_for

from . import errors
from .authentication import REQUIRED, CredentialAuthentication
from .dialect import OpenLoyalty
from .errors import Invalid, Problem
from .shapes import Shape

DIALECT = OpenLoyalty()
NEW_STORE = {"points_decimals": 6, "points_rounding": Store.Rounding.HALF_UP}


class AnyTypeParser(BoundedJSONParser):
    """Callers send JSON under every Content-Type, and actions an empty body under any."""

    media_type = "*/*"


class ExactJSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: dict | None = None) -> bytes:
        return b"" if data is None else exact_json.dumps(data).encode()


class Call(APIView):
    """A call that is not about one store."""

    authentication_classes = [CredentialAuthentication]
    permission_classes = []
    parser_classes: list[type[BaseParser]] = [AnyTypeParser]
    renderer_classes = [ExactJSONRenderer]
    schema = None  # the native API's document does not list it
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    needs_credential = True
    unbuilt: set[str] = set()  # methods that this wire has and we do not yet

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.needs_credential and not request.user:
            raise NotAuthenticated(REQUIRED)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        return ExactJSONRenderer(), ExactJSONRenderer.media_type

    def get_exception_handler(self) -> Any:
        return errors.answer

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if request.method and request.method.lower() in self.unbuilt:
            raise Http404
        raise MethodNotAllowed(request.method or "")

    def told(self, shape: type[Shape], wrapper: str = "", **context: Any) -> dict[str, Any]:
        """The checked body, out of its wrapper."""
        data = self.request.data
        if not isinstance(data, dict):
            raise Invalid(Problem(""))
        if wrapper:
            extra = [Problem(name, "extra_field") for name in data if name != wrapper]
            if data.get(wrapper) is None:
                raise Invalid(*extra, Problem(wrapper, "blank"))
            if extra:
                raise Invalid(*extra)
            data = data[wrapper]
        checked = shape(data=data, context=context)
        checked.is_valid(raise_exception=True)
        return checked.validated_data


class StoreCall(Call):
    """A call about the store in its path, made by somebody who works there."""

    store: Store
    membership: StaffMember
    connection: Connection
    unsafe_needs = "can_support"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.membership = enter(request, self.kwargs.pop("code"))
        kwargs.pop("code")
        self.store = self.membership.store
        act_for(self.store.pk)
        self.connection = connection_of(self.store)
        is_safe = request.method in ("GET", "HEAD")
        if not self.connection.is_enabled or not (is_safe or getattr(self.membership, self.unsafe_needs)):
            raise PermissionDenied
        connections.note_call(self.connection, f"{request.method} {request.path}")
        name = request.headers.get("Idempotency-Key")
        if name is not None and request.method == "POST" and hasattr(self, "post"):
            self.post = partial(self.post_once, name, self.post)

    def post_once(self, name: str, post: Callable[..., Response], *args: Any, **kwargs: Any) -> Response:
        """The first answer again, to a call that named itself and is made again."""
        credential = f"token:{self.request.auth.pk}" if self.request.auth else f"user:{self.request.user.pk}"
        response = idempotency.once(
            self.request, name, lambda: answer_alone(partial(post, *args, **kwargs)),
            store_id=self.store.pk, credential=credential,
        )  # fmt: skip
        response.content_type = None  # refusals too are in this wire's own form
        return response

    def told(self, shape: type[Shape], wrapper: str = "", **context: Any) -> dict[str, Any]:
        return super().told(shape, wrapper, store=self.store, **context)


def answer_alone(post: Callable[[], Response]) -> Response:
    """A refusal undoes the call and not what is around it, and is an answer like any other."""
    try:
        with transaction.atomic():
            return post()
    except Exception as error:
        refusal = errors.response_to(error)
        if refusal is None:
            raise
        return refusal


def enter(request: Request, code: str) -> StaffMember:
    """The caller's place in the store, found in any case. 404 for a stranger and for a key of another store."""
    membership = memberships(request).filter(store__slug=code.lower()).first()
    if membership is None:
        raise Http404
    return membership


def memberships(request: Request) -> Any:
    """Where the caller works; a key of one store reaches no other."""
    found = request.user.staff_memberships.select_related("store").order_by("pk")
    key = request.auth
    return found.filter(store=key.connection.store_id) if key and key.connection_id else found


def connection_of(store: Store) -> Connection:
    """The store's link to this dialect, made on its first call."""
    mine = Connection.objects.filter(store=store, dialect=DIALECT.key)
    found = mine.first()
    if found is None:
        Store.objects.select_for_update().get(pk=store.pk)  # twins wait here, and then find it
        found = mine.first() or first_connection(store)
    return found


def first_connection(store: Store) -> Connection:
    if not store.connections.exists() and not store.rules.exists() and not store.customers.exists():
        Store.objects.filter(pk=store.pk).update(**NEW_STORE)
        store.refresh_from_db(fields=list(NEW_STORE))
    return connections.connect(store, DIALECT)[0]
