"""Who calls: a signed token after signing in, a refresh token to get the next, or a key that needs no sign-in."""

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import jwt
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from integrations.models import Connection, ConnectionToken
from loyalty.stores import clock
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
    is_right = user.check_password(password) and user.is_active
    return user if is_right and not needs_second_step(user) else None


def needs_second_step(user: User) -> bool:
    """This wire's sign-in has none, so whoever set one up, or works where it is asked for, uses a key."""
    return is_mfa_enabled(user) or user.staff_memberships.filter(store__needs_two_steps=True).exists()


def signing_keys(user: User) -> list[bytes]:
    """Follow from the person's password, so that a new one ends every token from before. The first one signs, the
    others are from before SECRET_KEY was changed."""
    secrets = settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS
    return [
        salted_hmac("openloyalty tokens", hashed, secret, algorithm="sha256").digest()
        for secret, hashed in zip(secrets, password_hashes(user), strict=True)
    ]


def password_hashes(user: User) -> list[str]:
    return [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]


def new_token(user: User) -> str:
    now = clock.now()
    roles = {f"ROLE_{role.upper()}" for role in user.staff_memberships.values_list("role", flat=True)}
    claims = {
        "iat": now, "exp": now + TOKEN_LIFE, "id": admin_id(user), "username": user.email, "roles": sorted(roles),
    }  # fmt: skip
    return jwt.encode(claims, signing_keys(user)[0], ALGORITHM)


def user_of(token: str) -> User | None:
    """Whose token it is. Raises jwt.ExpiredSignatureError or another jwt.InvalidTokenError."""
    claimed = jwt.decode(token, options={"verify_signature": False}).get("username")
    if not isinstance(claimed, str) or "\x00" in claimed:
        return None
    user = User.objects.filter(email=claimed, is_active=True).first()
    if user is None:
        return None
    return user if admin_id(user) == claims_of(token, signing_keys(user))["id"] else None


def claims_of(token: str, keys: list[bytes]) -> dict[str, Any]:
    # Its times are the database's, as when it was issued: this machine's clock may be another.
    options: Any = {"require": ["exp", "iat", "id", "username"], "verify_exp": False, "verify_iat": False}
    *others, last = keys
    for key in others:
        with suppress(jwt.InvalidSignatureError):
            return unexpired(jwt.decode(token, key, [ALGORITHM], options=options))
    return unexpired(jwt.decode(token, last, [ALGORITHM], options=options))


def unexpired(claims: dict[str, Any]) -> dict[str, Any]:
    if claims["exp"] <= clock.now().timestamp():
        raise jwt.ExpiredSignatureError("Signature has expired")
    return claims


def issue_refresh(user: User) -> str:
    own = ConnectionToken.objects.filter(user=user, kind=Kind.REFRESH)
    own.filter(expires_at__lt=clock.now()).delete()
    until = clock.now() + REFRESH_LIFE
    return ConnectionToken.issue(Kind.REFRESH, of_password(user)[0], user=user, expires_at=until)[1]


def of_password(user: User) -> tuple[str, ...]:
    """How refresh tokens begin while the person has this password; the first one is for new ones."""
    return tuple(f"{hashed[:16]}." for hashed in password_hashes(user))


def find_refresh(clear: str) -> tuple[ConnectionToken, User] | None:
    token = ConnectionToken.find(Kind.REFRESH, clear)
    if token is None or token.user is None or not token.user.is_active or needs_second_step(token.user):
        return None
    return (token, token.user) if clear.startswith(of_password(token.user)) else None


def use_refresh(token: ConnectionToken) -> None:
    """It is replaced now, and good for a minute only."""
    soon = clock.now() + OVERLAP
    ConnectionToken.objects.filter(pk=token.pk, expires_at__gt=soon).update(expires_at=soon)


def revoke_refresh(user: User) -> None:
    own = ConnectionToken.objects.filter(user=user, kind=Kind.REFRESH, revoked_at=None)
    own.update(revoked_at=clock.now())


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
    ConnectionToken.objects.filter(pk=key.pk).update(revoked_at=clock.now())
