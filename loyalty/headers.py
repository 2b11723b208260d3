"""What every answer says to browsers and caches, where the view itself did not say it."""

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

# Data, not a document: nothing to load, nothing to frame.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

Answer = Callable[[HttpRequest], HttpResponse]


def keep_private(get_response: Answer) -> Answer:
    """What somebody may see only with a session or a key is kept by no cache, neither theirs nor a proxy's."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.has_header("Cache-Control") and names_somebody(request):
            response["Cache-Control"] = "private, no-store"
        return response

    return answer


def names_somebody(request: HttpRequest) -> bool:
    if "HTTP_AUTHORIZATION" in request.META:
        return True
    session = getattr(request, "session", None)  # keyed calls have none
    return session is not None and session.accessed and SESSION_KEY in session


def keep_bare(get_response: Answer) -> Answer:
    """For calls that carry a key: they pass none of the layers that guard pages."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", DATA_POLICY)
        if not getattr(response, "xframe_options_exempt", False):
            response.headers.setdefault("X-Frame-Options", "DENY")
        return response

    return answer
