"""How often a credential may call: a bucket of tokens in the broker, refilled all the time."""

import math
from typing import NamedTuple

from . import broker

# The server's clock, so that all web processes share one; the whole look-and-take is atomic.
_take = broker.client.register_script(
    """
    local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1000000
    local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
    local tokens = tonumber(bucket[1]) or burst
    tokens = math.min(burst, tokens + math.max(0, now - (tonumber(bucket[2]) or now)) * rate)
    local wait = 0
    if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
    redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
    redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
    return {math.floor(tokens), math.ceil(wait * 1000)}
    """
)


class Allowance(NamedTuple):
    ok: bool
    remaining: int  # calls that may follow at once
    retry_after: int  # whole seconds until the next may; 0 when this one may


def allow(key: str, rate: float, burst: int) -> Allowance:
    """May `key` call now, at `rate` calls a second with up to `burst` at once? A broker that is away allows all."""
    if broker.is_paused():
        return Allowance(True, burst, 0)
    try:
        remaining, wait = _take(keys=[f"rate:{key}"], args=[rate, burst])
    except broker.UNREACHABLE as error:
        broker.pause(error)
        return Allowance(True, burst, 0)
    return Allowance(wait == 0, remaining, math.ceil(wait / 1000))
