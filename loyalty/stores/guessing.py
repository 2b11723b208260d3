"""How soon one may guess again: after some wrong tries each further one waits longer, by account and by address.

Nobody is locked out for good, nobody waits inside a request, and nothing is forgiven by signing in: a right try is
only not counted. Counted in the broker's server, before the try is looked at, so that tries at one moment do not
slip through; without a count nobody may guess.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from . import broker
from .proxies import client_address

FIRST_WAIT = 10  # seconds; each further wait is twice the one before
LONGEST_WAIT = 600
REMEMBERED = 86_400
# Wrong tries that cost no wait. With five, sixteen are looked at in an hour; with twenty, thirty-one.
FREE = {"account": 5, "browser": 5, "code": 5, "caller": 5, "address": 20}

# All or none are counted: a try that one of them refuses says nothing to the others.
TAKE = broker.client.register_script("""
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local first, longest, remembered = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wait = 0
for i, key in ipairs(KEYS) do
    local found = redis.call('HMGET', key, 'tries', 'at')
    local beyond = tonumber(found[1] or 0) - tonumber(ARGV[3 + i])
    if beyond >= 0 then
        wait = math.max(wait, tonumber(found[2]) + math.min(longest, first * 2 ^ beyond) - now)
    end
end
if wait > 0 then
    return math.ceil(wait)
end
for _, key in ipairs(KEYS) do
    redis.call('HINCRBY', key, 'tries', 1)
    redis.call('HSET', key, 'at', string.format('%.6f', now))
    redis.call('EXPIRE', key, remembered)
end
return 0
""")


class Guess(NamedTuple):
    """What a try is counted by."""

    kind: str
    who: str

    @property
    def key(self) -> str:
        # The broker learns nobody's address.
        return f"guess:{self.kind}:{salted_hmac('guess', self.who).hexdigest()}"


class TooSoon(Exception):
    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Uncounted(Exception):
    """The counts are away."""


def take(*guesses: Guess) -> None:
    """Count a try that is about to be looked at. Raises TooSoon or Uncounted, and then it must not be."""
    free = [FREE[guess.kind] for guess in guesses]
    try:
        pace = [FIRST_WAIT, LONGEST_WAIT, REMEMBERED, *free]
        seconds = TAKE([guess.key for guess in guesses], pace, client=broker.client)
    except broker.UNREACHABLE as error:
        broker.pause(error)
        raise Uncounted from error
    if seconds:
        raise TooSoon(int(seconds))


def give_back(*guesses: Guess) -> None:
    """The try was right."""
    with suppress(*broker.UNREACHABLE):
        pipeline = broker.client.pipeline()
        for guess in guesses:
            pipeline.hincrby(guess.key, "tries", -1)
        pipeline.execute()


@contextmanager
def counted(*guesses: Guess) -> Iterator[None]:
    """Around a look at a try, which raises if it was wrong."""
    take(*guesses)
    yield
    give_back(*guesses)


def network(request: HttpRequest) -> str:
    """The caller's address; of the long kind the part that one household has."""
    text = client_address(request)
    with suppress(ValueError):
        if (address := ipaddress.ip_address(text)).version == 6:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return text
