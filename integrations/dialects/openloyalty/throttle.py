"""Signing in by password, at the pace of guessing; a new token for an old one at most forty times a minute."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from loyalty.stores import broker, guessing
from loyalty.stores.accounts import account_of
from loyalty.stores.guessing import Guess

from .errors import TooOften, Unavailable

TRIES = 40
SECONDS = 60
KNOWN_FOR = 30 * 86_400


@contextmanager
def paced(request: HttpRequest, user: str) -> Iterator[None]:
    """Around a look at a password. A program has no cookies, so where it signed in from before it waits for its own
    wrong tries only, whoever else guesses at the account. Raises TooOften, or Unavailable: uncounted nobody guesses.
    """
    account, address = account_of(user.strip().lower()), guessing.network(request)
    caller = Guess("caller", f"{account} {address}")
    known = f"{caller.key}:known"
    strangers = [Guess("account", account), Guess("address", address)]
    try:
        with guessing.counted(*[caller] if broker.client.exists(known) else strangers):
            yield
        broker.client.set(known, 1, ex=KNOWN_FOR)
    except guessing.TooSoon as error:
        raise TooOften(error.seconds) from error
    except (guessing.Uncounted, *broker.UNREACHABLE) as error:
        raise Unavailable from error


def count_refresh(address: str, user: str) -> None:
    """Raises TooOften, or Unavailable."""
    key = f"tries:refresh:{address}:{user}"
    try:
        pipeline = broker.client.pipeline()
        pipeline.incr(key)
        pipeline.expire(key, SECONDS, nx=True)
        pipeline.ttl(key)
        tries, _, left = pipeline.execute()
    except broker.UNREACHABLE as error:
        raise Unavailable from error
    if tries > TRIES:
        raise TooOften(max(left, 1))
