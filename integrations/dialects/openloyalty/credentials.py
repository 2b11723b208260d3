"""Who calls: a signed token after signing in, a refresh token to get the next, or a key that needs no sign-in."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import jwt
from allauth.mfa.utils import is_mfa_enabled
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from integrations.models import Connection, ConnectionToken
from loyalty.stores.models import User

Kind = ConnectionToken.Kind
ADMINS = uuid.UUID("6f3c1d5e-8f0b-4a55-9d0e-5b7a3f9c2e41")
TOKEN_LIFE = timedelta(hours=24)
REFRESH_LIFE = timedelta(days=30)
OVERLAP = timedelta(seconds=60)  # an answer lost on its way does not sign anybody out
ALGORITHM = "HS256"


def admin_id(user: User) -> str:
    """How this wire names a person: always the same, and not our row's number."""
    return str(uuid.uuid5(ADMINS, str(user.pk)))


def sign_in(email: str, password: str) -> User | None:
    """The person, or None. An unknown address takes as long as a wrong password."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        User().set_password(password)
        return None
    # This sign-in has no second step, so whoever set one up uses a key.
    if not user.check_password(password) or not user.is_active or is_mfa_enabled(user):
        return None
    return user


def signing_key(user: User) -> bytes:
    """Follows from the person's password, so that a new one ends every token from before."""
    return salted_hmac("openloyalty tokens", user.get_session_auth_hash(), algorithm="sha256").digest()


def new_token(user: User) -> str:
    now = timezone.now()
    roles = {f"ROLE_{role.upper()}" for role in user.staff_memberships.values_list("role", flat=True)}
    claims = {
        "iat": now, "exp": now + TOKEN_LIFE, "id": admin_id(user), "username": user.email, "roles": sorted(roles),
    }  # fmt: skip
    return jwt.encode(claims, signing_key(user), ALGORITHM)


def user_of(token: str) -> User | None:
    """Whose token it is. Raises jwt.ExpiredSignatureError or another jwt.InvalidTokenError."""
    claimed = jwt.decode(token, options={"verify_signature": False}).get("username")
    if not isinstance(claimed, str) or "\x00" in claimed:
        return None
    user = User.objects.filter(email=claimed, is_active=True).first()
    if user is None:
        return None
    options: Any = {"require": ["exp", "iat", "id", "username"]}
    claims = jwt.decode(token, signing_key(user), [ALGORITHM], options=options)
    return user if admin_id(user) == claims["id"] else None


def issue_refresh(user: User) -> str:
    own = ConnectionToken.objects.filter(user=user, kind=Kind.REFRESH)
    own.filter(expires_at__lt=timezone.now()).delete()
    return ConnectionToken.issue(Kind.REFRESH, of_password(user), user=user, expires_at=timezone.now() + REFRESH_LIFE)[
        1
    ]


def of_password(user: User) -> str:
    """How refresh tokens begin while the person has this password."""
    return f"{user.get_session_auth_hash()[:16]}."


def find_refresh(clear: str) -> tuple[ConnectionToken, User] | None:
    token = ConnectionToken.find(Kind.REFRESH, clear)
    if token is None or token.user is None or not token.user.is_active:
        return None
    return (token, token.user) if clear.startswith(of_password(token.user)) else None


def use_refresh(token: ConnectionToken) -> None:
    """It is replaced now, and good for a minute only."""
    soon = timezone.now() + OVERLAP
    ConnectionToken.objects.filter(pk=token.pk, expires_at__gt=soon).update(expires_at=soon)


def revoke_refresh(user: User) -> None:
    own = ConnectionToken.objects.filter(user=user, kind=Kind.REFRESH, revoked_at=None)
    own.update(revoked_at=timezone.now())


def keys_of(user: User) -> QuerySet[ConnectionToken]:
    return ConnectionToken.objects.filter(user=user, kind=Kind.KEY, revoked_at=None)


def issue_key(
    user: User, name: str, connection: Connection | None = None, expires_at: datetime | None = None
) -> tuple[ConnectionToken, str]:
    """A key that acts as `user`: in the connection's store only, or in all of theirs. Returns (row, clear key)."""
    return ConnectionToken.issue(Kind.KEY, "olk_", user=user, name=name, connection=connection, expires_at=expires_at)


def change_key(key: ConnectionToken, name: str, expires_at: datetime | None) -> None:
    ConnectionToken.objects.filter(pk=key.pk).update(name=name, expires_at=expires_at)


def revoke_key(key: ConnectionToken) -> None:
    ConnectionToken.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
