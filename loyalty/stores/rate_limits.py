"""How often a key or an address may call: a token bucket each, kept in the broker's server, one round trip a call.

While the broker is away every process keeps buckets of its own: more is let through than meant, but not any amount.
"""

import math
import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from . import broker
from .guessing import network

BURST_SECONDS = 2  # how much of its rate an idle key may use at once
HANDFUL = 20  # a process takes this part of a second's tokens at once
PURSE_SECONDS = 1.0  # and forgets those that it does not use
MAX_BUCKETS = 10_000

# The bucket is one number: the moment when it will be full again. Taking tokens moves that moment on.
TAKE = broker.client.register_script("""
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local tokens = burst - (full_at - now) * rate
if tokens < 1 then
    return {0, 0, math.ceil((full_at - now) * 1000), math.ceil((1 - tokens) / rate * 1000)}
end
local taken = math.min(wanted, math.floor(tokens))
full_at = full_at + taken / rate
local wait = math.ceil((full_at - now) * 1000)
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', wait)
return {taken, math.floor(tokens - taken), wait, 0}
""")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call found in its bucket; times in seconds."""

    is_allowed: bool
    limit: int
    remaining: int
    full_after: float
    retry_after: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.full_after)),
        }


@dataclass(slots=True)
class Purse:
    """Tokens that this process has taken and not used yet."""

    tokens: int
    until: float
    taken: Taken


_purses: dict[str, Purse] = {}
_full_at: dict[str, float] = {}  # as in TAKE, by this process's clock
_lock = threading.Lock()


def take(bucket: str, rate: int | None = None) -> Taken:
    """Take a token, of `rate` a second.

    Where many are allowed a process takes a handful at once, so that most calls need not ask.
    """
    with _lock:
        purse = _purses.get(bucket)
        if purse and purse.tokens and time.monotonic() < purse.until:
            purse.tokens -= 1
            return replace(purse.taken, remaining=purse.taken.remaining + purse.tokens)
    rate = rate or settings.API_RATE_PER_SECOND
    return ask_here(bucket, rate) if broker.is_paused() else ask(bucket, rate)


def ask(bucket: str, rate: int) -> Taken:
    limit = rate * BURST_SECONDS
    try:
        tokens, left, full_after, retry_after = TAKE([f"rate:{bucket}"], [rate, limit, max(1, rate // HANDFUL)])
    except broker.UNREACHABLE as error:
        broker.pause(error)
        return ask_here(bucket, rate)
    taken = Taken(tokens > 0, limit, left, full_after / 1000, retry_after / 1000)
    if tokens < 2:
        return taken
    with _lock:
        if len(_purses) > MAX_BUCKETS:
            _purses.clear()
        _purses[bucket] = Purse(tokens - 1, time.monotonic() + PURSE_SECONDS, taken)
    return replace(taken, remaining=left + tokens - 1)


def ask_here(bucket: str, rate: int) -> Taken:
    """The same in this process's memory."""
    limit, now = rate * BURST_SECONDS, time.monotonic()
    with _lock:
        full_at = max(_full_at.get(bucket, 0.0), now)
        tokens = limit - (full_at - now) * rate
        if tokens < 1:
            return Taken(False, limit, 0, full_at - now, (1 - tokens) / rate)
        if len(_full_at) > MAX_BUCKETS:
            _full_at.clear()
        _full_at[bucket] = full_at + 1 / rate
    return Taken(True, limit, math.floor(tokens - 1), full_at + 1 / rate - now, 0.0)


def take_for(request: HttpRequest, key_id: int) -> Taken:
    """Take a token for a call with an API key; a call that is looked at twice takes one."""
    if not hasattr(request, "taken"):
        request.taken = take(f"key:{key_id}")  # type: ignore[attr-defined]
    return request.taken  # type: ignore[attr-defined]


def refuse_stranger(request: HttpRequest) -> None:
    """For a call that no key opens. 429 for an address that has made many; a good key is never asked for this."""
    taken = take(f"stranger:{network(request)}", settings.STRANGER_RATE_PER_SECOND)
    if not taken.is_allowed:
        raise Throttled(max(taken.retry_after, 1.0))


class PerKey(BaseThrottle):
    """DRF's door to it: refuses with 429 and tells every caller how much is left."""

    retry_after = 1.0

    def allow_request(self, request: Request, view) -> bool:
        taken = take_for(request._request, request.auth.pk)
        view.headers |= taken.headers
        self.retry_after = taken.retry_after
        return taken.is_allowed

    def wait(self) -> float:
        return max(self.retry_after, 1.0)
