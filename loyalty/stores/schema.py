"""What the OpenAPI document says of every native call: its key, and the problems it may answer with."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.drainage import isolate_view_method
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse, extend_schema_serializer, inline_serializer
from rest_framework.serializers import Field, Serializer

PREFIX = "/api/v1/"

ABOUT = """
Facts in, points out: a shop tells what happened, a worker applies the store's rules within seconds, and each
answer can say why.

- **Keys** are made on the store's page “API keys” and sent as `Authorization: Bearer <key>`. The scope `read`
  looks, `write` sends facts and takes rewards, `adjust` changes balances, rules and rewards.
- **Customers** are named in addresses by our id, `external_id:<the shop's id>` or `email:<address>`.
- **Points and money** are exact decimals, written as strings; calls may also send JSON numbers.
- **Moments** are ISO 8601. Without an offset they are in the store's time zone.
- **Lists** come newest first in pages: follow `next`, or the `Link` header, until it is null.
- **Sending again** is always safe: facts go by your `external_id`, and any call by its `Idempotency-Key`.
- **Refusals** are RFC 9457 problem documents. 4xx is final; on 429 and 503 send again after `Retry-After`.
- **Limits** of a key are told by the headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`. A body
  has at most 1 MiB (a batch 5 MiB), 20,000 values and 32 levels.
"""

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `type` is for programs and never changes; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "example": "urn:problem-type:invalid"},
        "title": {"type": "string", "example": "Invalid"},
        "status": {"type": "integer", "example": 400},
        "detail": {"type": "string", "example": "points: Write a number, such as 100."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

REFUSALS = {
    "400": "Something in the call is not valid.",
    "401": "The key is missing, unknown, expired or revoked.",
    "403": "The key lacks the scope that this needs.",
    "404": "There is no such thing in this store.",
    "409": "It contradicts what is there.",
    "413": "The body is too large.",
    "415": "The body is not JSON in UTF-8.",
    "422": "The Idempotency-Key was used with another body.",
    "429": "Too many calls; see Retry-After.",
    "503": "Nothing was stored; send it again. See Retry-After.",
}
OF_READING = ("400", "401", "403", "404", "429", "503")

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Your name for this call: sent again within 30 days it gets the first answer.",
}  # fmt: skip


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "loyalty.stores.authentication.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key of the store, from its page “API keys”."}


def one(name: str, fields: dict[str, Field]) -> type[Serializer]:
    """One object, though the action is called `list`; the library would write of a list of such objects."""
    return extend_schema_serializer(many=False)(type(inline_serializer(name, fields)))


def told(receipt: type[Serializer]) -> dict[int, OpenApiResponse]:
    """The answers to a fact."""
    return {
        200: OpenApiResponse(receipt, "It was told before; this is how it stands."),
        201: OpenApiResponse(receipt, "It is stored."),
    }


def describe(**actions: Callable) -> Callable[[type], type]:
    """Put an `extend_schema(...)` on each named action. The library's own way knows only the usual names."""

    def described(viewset: type) -> type:
        for name, extend in actions.items():
            extend(isolate_view_method(viewset, name))
        return viewset

    return described


def only_native(endpoints: list[tuple]) -> list[tuple]:
    """The dialects' contracts are their own."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    result["info"]["description"] = ABOUT.strip()
    components = result["components"]
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["responses"] = {
        f"Problem{status}": {
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, description in REFUSALS.items()
    }
    for operations in result["paths"].values():
        for method, operation in operations.items():
            statuses = OF_READING if method == "get" else REFUSALS
            for status in statuses:
                operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
            if method != "get":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
