"""Refusals as RFC 9457 problem documents: what is wrong, where, and what to do about it."""

import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.settings import api_settings

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 5  # seconds, when the database did not answer


class Problem(Exception):
    """A refusal. `code` is for programs and never changes; `detail` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors or [], headers or {}
        self.members = members or {}  # what only this kind of problem tells

    @property
    def body(self) -> dict[str, Any]:
        return {
            "type": f"urn:problem-type:{self.code}",
            "title": self.code.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "errors": self.errors,
        } | self.members


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    problem = problem_of(error, getattr(context.get("view"), "refusals", {})) or our_fault(error, context)
    return Response(problem.body, problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


def problem_of(error: Exception, refusals: dict[type[Exception], int]) -> Problem | None:
    """`refusals` are the errors of domain verbs that a view expects, with the status each one gets."""
    for expected, status in refusals.items():
        if isinstance(error, expected):
            return Problem(status, code_of(error), str(error))
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return invalid(list(flat(error.detail)))
        case DjangoValidationError():
            return invalid(list(flat(as_serializer_error(error))))
        case exceptions.APIException():
            return of_framework(error)
        case Http404():
            return Problem(404, "not-found", "There is no such thing in this store.")
        case PermissionDenied():
            return Problem(403, "forbidden", str(error) or "This key may not do this.")
        case SuspiciousOperation():
            return Problem(400, "invalid", "This call has too many parts, such as names in its query.")
        case DataError():
            return Problem(400, "invalid", "A value cannot be stored. Check the texts and numbers you sent.")
        case IntegrityError():
            return Problem(409, "conflict", "Another call changed the same thing. Look at it and send yours again.")
        case OperationalError() | InterfaceError() | InternalError() if is_servers(error):
            headers = {"Retry-After": str(RETRY_AFTER)}
            return Problem(503, "unavailable", "This could not be stored now. Send it again.", headers=headers)
    return None


def is_servers(error: Exception) -> bool:
    """Of errors that are called internal only those of the server itself (class XX), such as a file that may not grow;
    the others say that we used a transaction wrongly."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return not isinstance(error, InternalError) or state.startswith("XX")


def our_fault(error: Exception, context: dict[str, Any]) -> Problem:
    request = context["request"]._request
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=type(context.get("view")), request=request)  # as Django would have
    return Problem(500, "internal-error", "This is our fault and has been noted. Nothing was changed.")


def code_of(error: Exception) -> str:
    """InsufficientPoints -> insufficient-points"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()


def invalid(errors: list[dict[str, str]]) -> Problem:
    first = ": ".join(filter(None, errors[0].values())) if errors else "The body is not valid."
    more = f" ({len(errors) - 1} more in errors)" if len(errors) > 1 else ""
    return Problem(400, "invalid", first + more, errors=errors)


def flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested messages as {"field": "customer.email", "message": ...}."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            is_of_parent = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from flat(inner, path if is_of_parent else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from flat(inner, path if isinstance(inner, str) else f"{path}.{index}".lstrip("."))
    else:
        yield {"field": path, "message": str(detail)}


def of_framework(error: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(wait)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return Problem(error.status_code, code, str(error.detail), headers=headers)


def as_response(problem: Problem) -> JsonResponse:
    """For answers outside DRF's views."""
    return JsonResponse(problem.body, status=problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


@csrf_exempt
@transaction.non_atomic_requests
def unknown_path(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    return as_response(Problem(404, "not-found", f"There is no {request.path} here. The calls are at /api/v1/docs."))
