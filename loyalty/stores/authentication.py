"""Who calls: a bearer key says which store, and its scopes what it may do there."""

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .models import ApiKey
from .problems import Problem

if TYPE_CHECKING:  # rest_framework.views imports this module by its settings
    from rest_framework.views import APIView

CHALLENGE = 'Bearer realm="Loyalty"'


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. A missing, unknown, expired and revoked key get the same answer."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, clear = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        key = ApiKey.find(clear.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise AuthenticationFailed("Send a valid key of your store as “Authorization: Bearer <key>”.")
        key.touch()
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class HasScope(BasePermission):
    """The scope that `view.scopes` names for the action; else `read` to look and `write` to change."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        default = ApiKey.Scope.READ if request.method in SAFE_METHODS else ApiKey.Scope.WRITE
        require(request.auth, getattr(view, "scopes", {}).get(getattr(view, "action", None), default))
        return True


def require(key: ApiKey, scope: str) -> None:
    if scope not in key.scopes:
        raise Problem(403, "forbidden", f"This key lacks the scope “{scope}”. Use a key that has it.")
