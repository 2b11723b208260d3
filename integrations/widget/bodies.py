"""What a call of the widget says, and how it is refused."""

from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import UnsupportedMediaType

from loyalty.stores.bounded_json import BadJSON, TooLarge, loads
from loyalty.stores.parsers import check_encodings, read_body

MAX_BODY = 16 * 1024


class Refusal(Exception):
    """An answer other than 200; nothing of the call was done."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": code, "message": message} | members
        self.allowed: list[str] = []  # origins that may read it


def body_of(request: HttpRequest) -> dict[str, Any]:
    """A JSON object. Its content type cannot be sent from another origin without the browser asking first."""
    if request.content_type != "application/json":
        raise Refusal(415, "not_json", "Send application/json.")
    try:
        check_encodings(request, request.content_type)
    except UnsupportedMediaType as error:
        raise Refusal(415, "not_json", str(error.detail)) from error
    try:
        body = loads(read_body(request, MAX_BODY), max_bytes=MAX_BODY)
    except TooLarge as error:
        raise Refusal(413, "too_large", str(error)) from error
    except BadJSON as error:
        raise Refusal(400, "bad_json", error.message) from error
    if not isinstance(body, dict):
        raise Refusal(400, "bad_json", "Send a JSON object.")
    return body


def text_in(body: dict[str, Any], name: str, *, most: int = 255) -> str:
    """A text of the body; "" when it is absent or null."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise Refusal(400, "invalid_value", f"{name} must be a text of at most {most} characters.", field=name)
    return value


def whole_in(body: dict[str, Any], name: str, least: int, most: int) -> int:
    value = body.get(name)
    if type(value) is not int or not least <= value <= most:
        raise Refusal(400, "invalid_value", f"{name} must be a whole number from {least} to {most}.", field=name)
    return value
