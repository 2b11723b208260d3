"""Where a person is signed in: kept up to date once a minute, and named so that they know their own."""

import re
import threading
import time
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

EVERY = 60.0  # seconds; a page may ask every few
MANY = 10_000

# The first that fits: each later one is also claimed by those before it.
BROWSERS = [
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"),
    ("Chrome", "Chrome"), ("Safari", "Safari"),
]  # fmt: skip
SYSTEMS = [
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
]  # fmt: skip

_seen: dict[str, float] = {}
_lock = threading.Lock()


def keep_track(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        session = request.session
        # Only where the page asked who it is: what is the same for everybody stays so.
        is_somebody = session.accessed and SESSION_KEY in session and response.status_code < 500
        if is_somebody and is_due(session.session_key or "") and request.user.is_authenticated:
            UserSession.objects.create_from_request(request)
        return response

    return answer


def is_due(session_key: str) -> bool:
    now = time.monotonic()
    with _lock:
        if now - _seen.get(session_key, -EVERY) < EVERY:
            return False
        if len(_seen) >= MANY:
            _seen.clear()
        _seen[session_key] = now
    return True


def device_of(user_agent: str) -> str:
    """ "Firefox on Linux" """
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.split(r"[/ ]", user_agent)[0][:40] or "Unknown"
