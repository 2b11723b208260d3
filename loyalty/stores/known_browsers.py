"""Browsers in which a person has signed in before. They wait for their own wrong tries only.

So an account that half the internet guesses at stays open to its owner: in a known browser, with a passkey, or by a
link to a new password, which makes the browser known. What a stolen mark is good for is a handful of own guesses.
"""

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from .guessing import Guess, network

PREFIX = "__Host-known-" if settings.IS_HTTPS else "loyalty_known_"
SECONDS = 365 * 86_400


def guesses_at(request: HttpRequest, account: str, kind: str = "account") -> list[Guess]:
    """What a try of this browser at the account is counted by."""
    if browser := find(request, account):
        return [Guess("browser", f"{kind} {account} {browser}")]
    return [Guess(kind, account), Guess("address", network(request))]


def find(request: HttpRequest, account: str) -> str | None:
    try:
        return _signer(account).unsign(request.COOKIES.get(cookie_name(account), ""), max_age=SECONDS)
    except signing.BadSignature:
        return None


def remember(request: HttpRequest, response: HttpResponse, account: str) -> None:
    mark = find(request, account) or secrets.token_urlsafe(9)
    response.set_cookie(
        cookie_name(account), _signer(account).sign(mark), max_age=SECONDS, secure=settings.IS_HTTPS, httponly=True,
        samesite="Lax",
    )  # fmt: skip


def cookie_name(account: str) -> str:
    """One for each account: people share browsers."""
    return PREFIX + salted_hmac("known browser", account).hexdigest()[:10]


def _signer(account: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"known browser {account}")
