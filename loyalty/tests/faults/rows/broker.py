"""The broker loses everything, dies, hangs or is full. Facts are acknowledged all the while, as fast as ever."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator

import redis

from loyalty.local import valkey
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Shop
from loyalty.tests.faults.stack import READY, Stack, wait_until

SLOW, TOO_SLOW = 1.0, 4.0  # seconds of an acknowledgement: one in a hundred may take longer, none may

Fault = Callable[[Stack], contextlib.AbstractContextManager[None]]


@row("G8", "broker: emptied, killed, hung, paused, full", quick=6, full=100, seconds=30)
def broker_fails(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng) as shop:
        time.sleep(2)
        calm = shop.slow(0, time.monotonic())
        for number in stack.rounds(times):
            if number % len(FAULTS) == 0:
                faults = rng.sample(FAULTS, len(FAULTS))
            inject(stack, shop, faults.pop(), calm, outcome)
            time.sleep(rng.uniform(0.2, 1.0))
    return outcome


def inject(stack: Stack, shop: Shop, fault: Fault, calm: float, outcome: Outcome) -> None:
    start = time.monotonic()
    with fault(stack):
        time.sleep(seconds_of(stack))
    end, name = time.monotonic(), fault.__name__
    outcome.faults += 1
    acknowledged = shop.acknowledgements(start, end)
    outcome.expect(bool(acknowledged), f"{name}: nothing was acknowledged meanwhile")
    # What a busy machine takes anyway is not the broker's doing.
    slow, slowest = shop.slow(start, end), shop.slowest(start, end)
    outcome.expect(slow <= SLOW + calm, f"{name}: one answer in a hundred took over {slow:.2f} s ({calm:.2f} before)")
    outcome.expect(slowest <= TOO_SLOW + calm, f"{name}: an answer took {slowest:.2f} s")


def seconds_of(stack: Stack) -> float:
    return 3 if stack.is_quick else 30


@contextlib.contextmanager
def emptied(stack: Stack) -> Iterator[None]:
    stack.empty_broker()
    yield


@contextlib.contextmanager
def killed(stack: Stack) -> Iterator[None]:
    stack.broker.bury()
    yield
    stack.broker.start()
    wait_until(lambda: valkey.answers(stack.valkey.url), READY, "the broker answers")


@contextlib.contextmanager
def killed_and_emptied(stack: Stack) -> Iterator[None]:
    """Its disk is gone too."""
    with killed(stack):
        for part in (stack.valkey.home / "appendonlydir").glob("*"):
            part.unlink()
        yield


@contextlib.contextmanager
def hung(stack: Stack) -> Iterator[None]:
    with stack.frozen(stack.broker):
        yield


@contextlib.contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """It takes connections and commands, and answers none before its time."""
    with control(stack) as client:
        client.client_pause(int(seconds_of(stack) * 1000))
    yield


@contextlib.contextmanager
def full(stack: Stack) -> Iterator[None]:
    with control(stack) as client:
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "256mb")


def control(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.valkey.url, socket_timeout=5)


FAULTS: list[Fault] = [emptied, killed, killed_and_emptied, hung, paused, full]
