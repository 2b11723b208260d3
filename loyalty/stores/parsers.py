"""Reading request bodies: never more than the limit, never in a form that was not announced."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from .bounded_json import MAX_BYTES, BadJSON, TooLarge, loads


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


def read_body(request: HttpRequest, max_bytes: int = MAX_BYTES) -> bytes:
    """The raw body. TooLarge before reading it, when its announced length says so; a torn one comes back empty."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    length = int(announced[:20]) if announced.isascii() and announced.isdigit() else 0
    if length > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes.")
    if request.META.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH"):
        # Sent in chunks, without a length. Django would take it for empty; the server knows where it ends.
        request.__dict__.setdefault("_body", request.META["wsgi.input"].read(max_bytes + 1))
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise TooLarge(str(error)) from error
    except UnreadablePostError:
        return b""
    if len(body) > max_bytes:
        raise TooLarge(f"The body is larger than {max_bytes} bytes.")
    return body if len(body) >= length else b""


class BoundedJSONParser(BaseParser):
    """`loads` for Django REST framework: 400 for bad JSON, 413 for too much, 415 for what is not UTF-8 JSON."""

    media_type = "application/json"
    max_bytes = MAX_BYTES

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        check_encodings(request, media_type or self.media_type)
        try:
            return loads(read_body(request._request, self.max_bytes), max_bytes=self.max_bytes)
        except TooLarge as error:
            raise BodyTooLarge(str(error)) from error
        except BadJSON as error:
            raise ParseError(error.message, error.code) from error


def check_encodings(request: HttpRequest, media_type: str) -> None:
    """415 for a charset other than UTF-8 or a compressed body."""
    if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(media_type, "Send JSON in UTF-8.")
    check_uncompressed(request, media_type)


def check_uncompressed(request: HttpRequest, media_type: str) -> None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(media_type, "Send the body without Content-Encoding.")
