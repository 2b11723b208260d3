"""Refusals in Open Loyalty's words: every one has a code, a path and a message."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from loyalty.stores.problems import Problem as StoreProblem

INVALID = "This value is not valid."
MESSAGES = {
    "blank": "This value should not be blank.",
    "extra_field": "This form should not contain extra fields.",
    "duplicate": "This value is already used.",
    "too_long": "This value is too long.",
    "too_many": "This collection has too many elements.",
}
# What Django REST framework's fields call it.
CODES = {
    "required": "blank", "null": "blank", "blank": "blank", "empty": "blank", "max_length": "too_long",
    "max_string_length": "too_long", "extra_field": "extra_field", "duplicate": "duplicate", "unknown": "unknown",
    "too_many": "too_many", "too_long": "too_long",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` is dotted and starts below the wrapper; `known` tells of what is already there."""

    path: str
    code: str = "invalid"
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {
            "message": MESSAGES.get(self.code, INVALID), "parameters": self.known or [], "plural": None,
            "code": self.code, "path": self.path,
        }  # fmt: skip


class Invalid(exceptions.APIException):
    """400 with these problems. Nothing of the call is kept."""

    status_code = 400

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def invalid(path: str, code: str = "invalid", **known: Any) -> Invalid:
    return Invalid(Problem(path, code, known))


class TooOften(Exception):
    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after


class Unavailable(Exception):
    """What is needed to answer is away for a moment."""


def problems_of(detail: Any, path: str = "") -> Iterator[Problem]:
    """A serializer's errors, flattened."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            below = "" if name == api_settings.NON_FIELD_ERRORS_KEY else str(name)
            yield from problems_of(inner, ".".join(filter(None, (path, below))))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from problems_of(inner, ".".join(filter(None, (path, str(number)))) if nested else path)
    else:
        yield Problem(path, CODES.get(detail.code, "invalid"))


def answer(error: Exception, context: dict[str, Any] | None = None) -> Response | None:
    """The exception handler of all calls. None: it is our fault, and stays a 500."""
    match error:
        case Invalid():
            return bad_request(list(error.problems))
        case exceptions.ValidationError():
            return bad_request(list(problems_of(error.detail)))
        case exceptions.ParseError() | exceptions.UnsupportedMediaType() | SuspiciousOperation():
            return bad_request([Problem("")])
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return refusal(401, str(error.detail))
        case exceptions.PermissionDenied():
            return refusal(403, "Forbidden.")
        case Http404() | exceptions.NotFound():
            return refusal(404, "Not Found")
        case exceptions.MethodNotAllowed():
            return Response({"code": "405", "message": "Method Not Allowed."}, 405)
        case exceptions.APIException(status_code=413):
            return refusal(413, "Payload Too Large")
        case TooOften():
            return Response({"message": "Too many requests."}, 429, headers={"Retry-After": str(error.retry_after)})
        case StoreProblem(status=400):
            return bad_request([Problem("Idempotency-Key")])
        case StoreProblem():
            return refusal(error.status, "Conflict" if error.status == 409 else error.detail)
        case OperationalError() | InterfaceError() | Unavailable():
            return unavailable()
    return None


def bad_request(problems: list[Problem]) -> Response:
    errors = [problem.body for problem in problems]
    return Response({"code": 400, "message": "Validation failed", "errors": errors}, 400)


def summary(response: Response) -> str:
    """The first thing that is wrong, for the merchant."""
    first = response.data.get("errors", [response.data])[0]
    return ": ".join(filter(None, (first.get("path"), first["message"])))


def refusal(status: int, message: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response({"code": status, "message": message}, status, headers=headers)


def unavailable(retry_after: int = 5) -> Response:
    problem = {"status": "Problem", "error": "unavailable", "message": "Try again soon.", "retryAfter": retry_after}
    return Response([problem], 503, headers={"Retry-After": str(retry_after)})
