import io
import os
import threading
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase
from django.utils.http import parse_header_parameters

from loyalty.stores import failpoints

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

AT_ONCE = 64 * 1024  # as much is on its way whether it is read or not
MOST_TAKEN = 32 * 1024 * 1024
READ_AHEAD = 1024 * 1024  # of a body, before anything else is done for its sender


class Request(WSGIRequest):
    """Reads queries and forms as UTF-8, whatever charset the body claims. Django would read the query in the
    body's charset, and fail before anything could answer when that is not one for text (`bz2_codec`), or when the
    type itself cannot be read (`charset*=no-such''x`)."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}
            meta["CONTENT_TYPE"] = ""  # for who reads it there


class Handler(WSGIHandler):
    request_class = Request


class KeyedHandler(Handler):
    """Calls that carry a key need no session, cookie or message: those layers cost more than storing a fact."""

    def load_middleware(self, is_async: bool = False) -> None:
        middleware = settings.MIDDLEWARE
        settings.MIDDLEWARE = settings.KEYED_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = middleware


class Front(Handler):
    """The server has many more threads than may work at once: the others wait for those who send slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.keyed = KeyedHandler()
        self.at_work = threading.BoundedSemaphore(settings.REQUESTS_AT_ONCE)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
        is_keyed = environ.get("PATH_INFO", "").startswith(settings.KEYED_PREFIXES)
        answer = self.keyed if is_keyed else super().__call__
        sent = environ["wsgi.input"]
        length = ahead(environ)
        environ["wsgi.input"] = io.BytesIO(sent.read(length)) if length else Body(sent, self.at_work)
        with self.at_work:
            response = answer(environ, start_response)
        failpoints.reach("before-answer")
        environ["wsgi.input"] = sent
        take_the_rest(environ)
        return response


class Body:
    """One that is large, of unknown length or sent when asked for. Who waits for it lets others work meanwhile."""

    def __init__(self, sent: Any, at_work: threading.BoundedSemaphore) -> None:
        self.sent, self.at_work = sent, at_work

    def read(self, *size: int) -> bytes:
        self.at_work.release()
        try:
            return self.sent.read(*size)
        finally:
            self.at_work.acquire()

    def readline(self, *size: int) -> bytes:
        return self.sent.readline(*size)  # Django reads no lines of a body


def length_of(environ: dict[str, Any]) -> int:
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length[:20]) if length.isdecimal() else 0


def ahead(environ: dict[str, Any]) -> int:
    """How much to read before the work begins: an ordinary body, whole."""
    length = length_of(environ)
    is_ordinary = length <= READ_AHEAD and "HTTP_EXPECT" not in environ and "HTTP_TRANSFER_ENCODING" not in environ
    return length if is_ordinary else 0


def take_the_rest(environ: dict[str, Any]) -> None:
    """Read on where a refusal stopped: who is still sending meets a torn connection instead of the answer.

    Who asked first (`Expect: 100-continue`) sends nothing unless told to.
    """
    is_large = "HTTP_TRANSFER_ENCODING" in environ or length_of(environ) > AT_ONCE
    if not is_large or "HTTP_EXPECT" in environ:
        return
    left = MOST_TAKEN
    while left > 0 and (taken := environ["wsgi.input"].read(AT_ONCE)):
        left -= len(taken)


django.setup(set_prefix=False)
application = Front()
