"""Every address answers with the headers that keep browsers from harm, whatever it answers."""

import base64
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest
from django.test import RequestFactory

from integrations.models import Widget
from loyalty.wsgi import application

from .tenancy.routes import filled as path_of
from .tenancy.routes import routes

ROOT = Path(__file__).resolve().parents[2]

FRAMED = {"widget/v1/frame", "s/<slug:slug>/display/preview/"}  # framed on purpose: their policy names by whom
LOOSE = "admin/"  # Unfold evaluates expressions in attributes
SHARED = ("js/", "widget/v1/files/", "images/", "livez", "readyz", "metrics")  # the same for everybody, nobody's data


def filled(route: str, store, theirs) -> str:
    """An address of the route, without its first slash; of the store's own objects where it names some."""
    return path_of(route, theirs)[1:]


def asked(path: str, cookie: str) -> tuple[int, dict[str, str]]:
    """What the server would send, through the layers that this address passes."""
    sent: list[tuple[int, dict[str, str]]] = []
    request: HttpRequest = RequestFactory().get(f"/{path}", HTTP_COOKIE=cookie)
    application(request.environ, lambda status, headers: sent.append((int(status[:3]), dict(headers)))).close()
    return sent[0]


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The test's own transaction outlives each request, as with Django's test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def answers(kept_connection, store, owner, theirs, sign_in) -> Iterator[tuple[str, int, dict[str, str]]]:
    """(route, status, headers) of every route, asked by the store's owner, who is a superuser too."""
    owner.is_staff = owner.is_superuser = True
    owner.save()
    Widget.objects.filter(store=store).update(is_enabled=True)
    client = sign_in(owner)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return (
        (route, *asked(filled(route, store, theirs), cookie))
        for route in dict.fromkeys(routes())
        if "logout" not in route
    )


def test_every_answer_carries_the_headers_that_guard_it(answers):
    assert set(routes()) >= FRAMED
    lacking, pages = [], 0
    for route, status, headers in answers:
        assert status < 500, route
        pages += status == 200
        policy = headers.get("Content-Security-Policy", "")
        found = {
            "nosniff": headers.get("X-Content-Type-Options") == "nosniff",
            "referrer": headers.get("Referrer-Policy") in ("same-origin", "no-referrer"),
            "policy": "default-src 'none'" in policy and "base-uri 'none'" in policy,
            "scripts": route.startswith(LOOSE) or not re.search("unsafe|[*]|https?:(?!//)", policy),
            "frames": "frame-ancestors" in policy and (route in FRAMED or headers.get("X-Frame-Options") == "DENY"),
            "cache": route.startswith(SHARED) or status in (404, 405) or is_private(route, headers),
        }
        lacking += [(route, status, name) for name, is_there in found.items() if not is_there]
    assert lacking == []
    assert pages > 70


def is_private(route: str, headers: dict[str, str]) -> bool:
    """Pages that a signed-in person sees are kept by no cache; calls without their key say nothing of anybody."""
    cache = headers.get("Cache-Control", "")
    is_page = route != "admin" and not route.startswith(
        ("api", "integrations/webhooks", "widget/v1/", "^v2", "accounts/", "demo/")
    )
    return "no-store" in cache or "private" in cache or not is_page


def test_an_answer_to_a_key_is_kept_by_no_cache(api, customer):
    assert api.get("/api/v1/customers/external_id:c1")["Cache-Control"] == "private, no-store"


def test_who_is_nobody_gets_pages_that_may_be_kept(client, db):
    assert "no-store" not in client.get("/livez").get("Cache-Control", "")


def test_production_settings_pass_djangos_own_check():
    """With deploy/loyalty.env.example, and secrets where it asks for them."""
    lines = (ROOT / "deploy" / "loyalty.env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    given["SECRET_KEY"] = secrets.token_urlsafe(48)
    given["ENCRYPTION_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | given
    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_cookies_of_production_are_bound_to_the_host():
    names = "SESSION_COOKIE_NAME CSRF_COOKIE_NAME SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_HSTS_SECONDS DEBUG"
    code = f"from django.conf import settings; print(*[getattr(settings, name) for name in '{names}'.split()])"
    environment = {
        "SITE_URL": "https://loyalty.example.com",
        "SECRET_KEY": "x",
        "DJANGO_SETTINGS_MODULE": "loyalty.settings",
    }
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True", "31536000", "False"]
    assert settings.CSRF_COOKIE_HTTPONLY and settings.SESSION_COOKIE_HTTPONLY
