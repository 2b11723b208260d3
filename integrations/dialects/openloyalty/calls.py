"""What every call on this wire has in common: its credential, its store, its JSON, its refusals."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations import connections, exact_json
from integrations.models import Connection, ConnectionToken
from loyalty.stores import audit, idempotency
from loyalty.stores.models import StaffMember, Store, User
from loyalty.stores.parsers import BoundedJSONParser
from loyalty.stores.retrying import TWINS, retried
from loyalty.stores.tenancy import act_for

from . import errors
from .authentication import REQUIRED, CredentialAuthentication
from .errors import Invalid, Problem
from .linking import connection_of
from .shapes import Shape

DONE = 204


class AnyTypeParser(BoundedJSONParser):
    """Callers send JSON under every Content-Type, and actions an empty body under any."""

    media_type = "*/*"


class ExactJSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
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
    person: User
    key: ConnectionToken | None  # None: signed in
    audited_as = ""  # what it changes, in the record of changes
    unbuilt: set[str] = set()  # methods that this wire has and we do not yet

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # The transaction begins when the caller is known, so that a refusal is answered after it has ended.
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.needs_credential and not request.user:
            raise NotAuthenticated(REQUIRED)
        credential: Any = (request.user, request.auth)
        self.person, self.key = credential
        self.enter()
        method = (request.method or "").lower()
        if hasattr(self, method):
            setattr(self, method, partial(self.perform, getattr(self, method)))

    def enter(self) -> None:
        """May this caller make this call? Raises what says no."""

    def perform(self, handle: Callable[..., Response], *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            return self.noted(handle, *args, **kwargs)

    def noted(self, handle: Callable[..., Response], *args: Any, **kwargs: Any) -> Response:
        """What the call changes besides facts is written down with it, see loyalty.stores.audit."""
        audit.begin(self.request)
        response = handle(*args, **kwargs)
        audit.finish(self.request, getattr(self, "store", None), f"openloyalty:{self.audited_as}")
        return response

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        return ExactJSONRenderer(), ExactJSONRenderer.media_type

    def get_exception_handler(self) -> Any:
        return errors.answer

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        if request.method.lower() in self.unbuilt:
            raise Http404
        raise MethodNotAllowed(request.method)

    def memberships(self) -> QuerySet[StaffMember]:
        """Where the caller works; a key of one store reaches no other."""
        found = self.person.memberships
        connection = self.key and self.key.connection
        return found.filter(store=connection.store_id) if connection else found

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


class PublicCall(Call):
    """Needs no credential, and ignores a stale one."""

    authentication_classes = []
    needs_credential = False


class StoreCall(Call):
    """A call about the store in its path, made by somebody who works there."""

    store: Store
    connection: Connection
    unsafe_needs = "can_support"

    def enter(self) -> None:
        # Found in any case. Taken out, so that handlers need not take it.
        membership = self.memberships().filter(store__slug=self.kwargs.pop("code").lower()).first()
        if membership is None:
            raise Http404
        self.store = membership.store
        self.connection = connection_of(self.store)
        is_safe = self.request.method in ("GET", "HEAD")
        if not self.connection.is_enabled or not (is_safe or getattr(membership, self.unsafe_needs)):
            raise PermissionDenied
        connections.note_call(self.connection, self.label)

    @property
    def label(self) -> str:
        return f"{self.request.method} {self.request.path}"

    def perform(self, handle: Callable[..., Response], *args: Any, **kwargs: Any) -> Response:
        name = self.request.headers.get("Idempotency-Key")
        if name is not None and self.request.method == "POST":
            return self.post_once(name, partial(self.noted, handle, *args, **kwargs))

        def alone() -> Response:
            with transaction.atomic():
                act_for(self.store.pk)
                return self.noted(handle, *args, **kwargs)

        return retried(alone, TWINS)

    def post_once(self, name: str, post: Callable[[], Response]) -> Response:
        """The first answer again, to a call that named itself and is made again."""
        credential = f"token:{self.key.pk}" if self.key else f"user:{self.person.pk}"
        response = idempotency.once(
            self.request, name, partial(answer_alone, post), store_id=self.store.pk, credential=credential
        )
        response.content_type = None  # refusals too are in this wire's own form
        return response

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """The merchant sees the last refusal. That somebody is not there is none."""
        connection = getattr(self, "connection", None)
        if connection and 400 <= response.status_code < 500 and response.status_code != 404:
            connections.note_error(connection, f"{self.label}: {errors.summary(response)}")
        return super().finalize_response(request, response, *args, **kwargs)

    def told(self, shape: type[Shape], wrapper: str = "", **context: Any) -> dict[str, Any]:
        return super().told(shape, wrapper, store=self.store, **context)


def answer_alone(post: Callable[[], Response]) -> Response:
    """A refusal undoes the call and not what is around it, and is an answer like any other."""
    try:
        return retried(transaction.atomic(post), TWINS)
    except Exception as error:
        refusal = errors.answer(error)
        if refusal is None:
            raise
        return refusal
