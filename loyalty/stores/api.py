"""What every native call shares: a key's store, one transaction, pages, and answers that may be repeated."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.viewsets import GenericViewSet

from . import audit, failpoints, idempotency
from .models import Store
from .problems import Problem
from .rate_limits import PerKey
from .retrying import retried
from .tenancy import act_for


class AlwaysJSON(DefaultContentNegotiation):
    """Whatever `Accept` says: there is one kind of answer."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class CursorPages(BasePagination):
    """Newest first, by id. A page costs the same however long the list is; with a filter it may be short."""

    default_limit = 100
    max_limit = 500
    scan = 10_000  # rows that a filter without an index looks at for one page

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list[Any]:
        limit = self.limit(request.query_params.get("limit"))
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(id__lt=self.decoded(cursor))
        end = None
        if narrowing := view.narrowing():
            end = queryset.order_by("-id").values_list("id", flat=True)[self.scan - 1 : self.scan].first()
            queryset = queryset.filter(narrowing, id__gte=end or 0)
        rows = list(queryset.order_by("-id")[: limit + 1])
        if len(rows) > limit:
            del rows[limit:]
            end = rows[-1].pk
        address = request.build_absolute_uri()
        self.next = replace_query_param(address, "cursor", self.encoded(end)) if end else None
        return rows

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        headers = {"Link": f'<{self.next}>; rel="next"'} if self.next else {}
        return Response({"data": data, "next": self.next}, headers=headers)

    def limit(self, text: str | None) -> int:
        if text is None:
            return self.default_limit
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= self.max_limit:
            return int(text)
        raise Problem(400, "invalid", f"limit must be a number from 1 to {self.max_limit}.")

    def encoded(self, row_id: int) -> str:
        return base64.urlsafe_b64encode(b"before:%d" % row_id).decode().rstrip("=")

    def decoded(self, cursor: str) -> int:
        try:
            word, _, row_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).partition(b":")
            if word == b"before" and row_id.isdigit() and len(row_id) < 19:
                return int(row_id)
        except (binascii.Error, ValueError):
            pass
        raise Problem(400, "invalid", "This cursor is not one of ours. Start again without it.")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit", "in": "query", "description": "Rows on a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit},
            },
            {
                "name": "cursor", "in": "query", "description": "From `next` of the page before.",
                "schema": {"type": "string"},
            },
        ]  # fmt: skip

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {
                "data": schema,
                "next": {"type": "string", "format": "uri", "nullable": True, "description": "Null: the last page."},
            },
        }


class StoreViewSet(GenericViewSet):
    """Base of every native call. A subclass starts at `self.store` and ends in one domain verb."""

    throttle_classes = [PerKey]
    content_negotiation_class = AlwaysJSON
    pagination_class = CursorPages
    http_method_names = ["get", "head", "post", "patch"]
    scopes: ClassVar[dict[str, str]] = {}  # by action, where the method does not say
    refusals: ClassVar[dict[type[Exception], int]] = {}  # what verbs raise, and its status
    # Actions whose verb brings its own transaction, so that it may be as short as one statement.
    commits_alone: ClassVar[set[str]] = set()

    @property
    def store(self) -> Store:
        return self.request.auth.store

    @property
    def actor(self) -> str:
        return f"key:{self.request.auth.prefix}"

    @classmethod
    def kind(cls) -> str:
        return cls.__name__.removesuffix("ViewSet").lower()

    @classmethod
    def as_view(cls, actions: dict[str, str], **kwargs: Any) -> Callable:
        # The transaction begins when the key is known, see perform().
        return transaction.non_atomic_requests(super().as_view(actions, **kwargs))

    def body(self) -> Any:
        """`request.data`, without the search for a parser when there is nothing to choose."""
        request: Request = self.request
        if request._request.content_type != "application/json":
            return request.data
        return self.get_parsers()[0].parse(None, None, {"request": request})

    def narrowing(self) -> Q | None:
        """What the caller's filters ask of rows, where no index answers it."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = request.method.lower()
        if method in self.action_map:
            handler = getattr(self, method)
            setattr(self, method, lambda *args, **kwargs: self.perform(lambda: handler(*args, **kwargs)))

    def perform(self, handle: Callable[[], Response]) -> Response:
        """Run the handler in a transaction that may touch the key's store and no other."""
        name = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if name is not None and self.request.method not in SAFE_METHODS:
            return idempotency.once(
                self.request, name, lambda: self.answer_alone(handle),
                store_id=self.store.pk, credential=f"key:{self.request.auth.pk}",
            )  # fmt: skip
        if self.action in self.commits_alone and not connection.in_atomic_block:
            return handle()
        return retried(lambda: self.in_transaction(handle))

    def in_transaction(self, handle: Callable[[], Response]) -> Response:
        with transaction.atomic():
            act_for(self.store.pk)
            audit.begin(self.request)
            response = handle()
            audit.finish(self.request, self.store, f"api:{self.kind()}.{self.action}")
            failpoints.reach("before-commit")
            return response

    def answer_alone(self, handle: Callable[[], Response]) -> Response:
        """A refusal undoes the call and not what is around it, and is an answer like any other."""
        try:
            return retried(lambda: self.in_transaction(handle))
        except Exception as error:
            return self.handle_exception(error)
