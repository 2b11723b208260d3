"""Who calls: a bearer key says which store, and its scopes what it may do there."""

import time
from typing import TYPE_CHECKING, NamedTuple

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .models import ApiKey
from .problems import Problem
from .rate_limits import refuse_stranger

if TYPE_CHECKING:  # rest_framework.views imports this module by its settings
    from rest_framework.views import APIView

CHALLENGE = 'Bearer realm="Loyalty"'


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. A missing, unknown, expired and revoked key get the same answer."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        clear = bearer(request)
        key = ApiKey.find(clear) if clear else None
        if key is None:
            refuse_stranger(request._request)
            raise AuthenticationFailed("Send a valid key of your store as “Authorization: Bearer <key>”.")
        key.touch()
        remember(key, ApiKey.digest_of(clear))
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def bearer(request: Request | HttpRequest) -> str:
    scheme, _, clear = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return clear.strip() if scheme.lower() == "bearer" else ""


class Seen(NamedTuple):
    """What never changes about a key. It does not say that the key is still good."""

    pk: int
    store_id: int
    digest: bytes
    until: float


SEEN_FOR = 60.0  # seconds; then the key's last use is noted anew
MAX_SEEN = 10_000
_seen: dict[bytes, Seen] = {}


def remember(key: ApiKey, digest: bytes) -> None:
    if len(_seen) >= MAX_SEEN:
        _seen.clear()
    _seen[digest] = Seen(key.pk, key.store_id, digest, time.monotonic() + SEEN_FOR)


def seen(request: HttpRequest) -> Seen | None:
    """The key of this request, if it was good less than a minute ago."""
    found = _seen.get(ApiKey.digest_of(bearer(request)))
    return found if found and time.monotonic() < found.until else None


class HasScope(BasePermission):
    """The scope that `view.scopes` names for the action; else `read` to look and `write` to change."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        default = ApiKey.Scope.READ if request.method in SAFE_METHODS else ApiKey.Scope.WRITE
        require(request.auth, getattr(view, "scopes", {}).get(getattr(view, "action", None), default))
        return True


def require(key: ApiKey, scope: str) -> None:
    if scope not in key.scopes:
        raise Problem(403, "forbidden", f"This key lacks the scope “{scope}”. Use a key that has it.")
