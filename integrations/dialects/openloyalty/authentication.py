"""The three ways a call says who makes it. `request.auth` is the key, or None after a sign-in."""

import jwt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from integrations.models import ConnectionToken
from loyalty.stores.models import User

from . import credentials

REQUIRED = "Authentication Required"


class CredentialAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ConnectionToken | None]:
        key = request.headers.get("X-AUTH-TOKEN")
        if key is not None:
            return by_key(key)
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() == "bearer":
            return by_token(token.strip())
        if not scheme or token:
            raise NotAuthenticated(REQUIRED)
        return by_key(scheme)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def by_key(clear: str) -> tuple[User, ConnectionToken]:
    key = ConnectionToken.find(ConnectionToken.Kind.KEY, clear.strip())
    if key is None or key.user is None or not key.user.is_active:
        raise AuthenticationFailed(REQUIRED)
    key.touch()
    return key.user, key


def by_token(token: str) -> tuple[User, None]:
    try:
        user = credentials.user_of(token)
    except jwt.ExpiredSignatureError as error:
        raise AuthenticationFailed("Expired JWT Token.") from error
    except jwt.InvalidTokenError:
        user = None
    if user is None:
        raise AuthenticationFailed("Invalid JWT Token")
    return user, None
