"""How often a key may call: a token bucket per key, kept in the broker's server, one round trip a call."""

import math
import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from . import broker

BURST_SECONDS = 2  # how much of its rate an idle key may use at once
HANDFUL = 20  # a process takes this part of a second's tokens at once
PURSE_SECONDS = 1.0  # and forgets those that it does not use
MAX_PURSES = 10_000

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
_lock = threading.Lock()


def take(bucket: str, rate: int | None = None) -> Taken | None:
    """Take a token, of `rate` a second. None: the broker is away, and nobody is refused for that.

    Where many are allowed a process takes a handful at once, so that most calls need not ask.
    """
    with _lock:
        purse = _purses.get(bucket)
        if purse and purse.tokens and time.monotonic() < purse.until:
            purse.tokens -= 1
            return replace(purse.taken, remaining=purse.taken.remaining + purse.tokens)
    return None if broker.is_paused() else ask(bucket, rate or settings.API_RATE_PER_SECOND)


def ask(bucket: str, rate: int) -> Taken | None:
    limit = rate * BURST_SECONDS
    try:
        tokens, left, full_after, retry_after = TAKE([f"rate:{bucket}"], [rate, limit, max(1, rate // HANDFUL)])
    except broker.UNREACHABLE as error:
        broker.pause(error)
        return None
    taken = Taken(tokens > 0, limit, left, full_after / 1000, retry_after / 1000)
    if tokens < 2:
        return taken
    with _lock:
        if len(_purses) > MAX_PURSES:
            _purses.clear()
        _purses[bucket] = Purse(tokens - 1, time.monotonic() + PURSE_SECONDS, taken)
    return replace(taken, remaining=left + tokens - 1)


def take_for(request: HttpRequest, key_id: int) -> Taken | None:
    """Take a token for a call with an API key; a call that is looked at twice takes one."""
    if not hasattr(request, "taken"):
        request.taken = take(f"key:{key_id}")  # type: ignore[attr-defined]
    return request.taken  # type: ignore[attr-defined]


class PerKey(BaseThrottle):
    """DRF's door to it: refuses with 429 and tells every caller how much is left."""

    retry_after = 1.0

    def allow_request(self, request: Request, view) -> bool:
        taken = take_for(request._request, request.auth.pk)
        if taken is None:
            return True
        view.headers |= taken.headers
        self.retry_after = taken.retry_after
        return taken.is_allowed

    def wait(self) -> float:
        return max(self.retry_after, 1.0)
