"""How often a key may call: a token bucket per key, kept in the broker's server, one round trip a call."""

import math
from dataclasses import dataclass

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from . import broker

BURST_SECONDS = 2  # how much of its rate an idle key may use at once

# The bucket is one number: the moment when it will be full again. A call takes one token, moving that moment on.
TAKE = broker.client.register_script("""
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local tokens = burst - (full_at - now) * rate
if tokens < 1 then
    return {0, 0, math.ceil((full_at - now) * 1000), math.ceil((1 - tokens) / rate * 1000)}
end
full_at = full_at + 1 / rate
local wait = math.ceil((full_at - now) * 1000)
redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', wait)
return {1, math.floor(tokens - 1), wait, 0}
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


def take(bucket: str, rate: int | None = None) -> Taken | None:
    """Take a token, of `rate` a second. None: the broker is away, and nobody is refused for that."""
    if broker.is_paused():
        return None
    rate = rate or settings.API_RATE_PER_SECOND
    limit = rate * BURST_SECONDS
    try:
        is_allowed, remaining, full_after, retry_after = TAKE([f"rate:{bucket}"], [rate, limit])
    except broker.UNREACHABLE as error:
        broker.pause(error)
        return None
    return Taken(bool(is_allowed), limit, remaining, full_after / 1000, retry_after / 1000)


class PerKey(BaseThrottle):
    """DRF's door to it: refuses with 429 and tells every caller how much is left."""

    retry_after = 1.0

    def allow_request(self, request: Request, view) -> bool:
        taken = take(f"key:{request.auth.pk}")
        if taken is None:
            return True
        view.headers |= taken.headers
        self.retry_after = taken.retry_after
        return taken.is_allowed

    def wait(self) -> float:
        return max(self.retry_after, 1.0)
