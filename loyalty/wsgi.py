import os
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


class Request(WSGIRequest):
    """Reads queries and forms as UTF-8, whatever charset the body claims. Django would read the query in the
    body's charset, and fail before anything could answer when that is not one for text (`bz2_codec`)."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


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
    def __init__(self) -> None:
        super().__init__()
        self.keyed = KeyedHandler()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponseBase:
        is_keyed = environ.get("PATH_INFO", "").startswith(settings.KEYED_PREFIXES)
        answer = self.keyed if is_keyed else super().__call__
        response = answer(environ, start_response)
        failpoints.reach("before-answer")
        take_the_rest(environ)
        return response


def take_the_rest(environ: dict[str, Any]) -> None:
    """Read on where a refusal stopped: who is still sending meets a torn connection instead of the answer.

    Who asked first (`Expect: 100-continue`) sends nothing unless told to.
    """
    length = environ.get("CONTENT_LENGTH") or "0"
    is_large = "HTTP_TRANSFER_ENCODING" in environ or (length.isdecimal() and int(length[:20]) > AT_ONCE)
    if not is_large or "HTTP_EXPECT" in environ:
        return
    left = MOST_TAKEN
    while left > 0 and (taken := environ["wsgi.input"].read(AT_ONCE)):
        left -= len(taken)


django.setup(set_prefix=False)
application = Front()
