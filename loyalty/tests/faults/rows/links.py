"""The links to PostgreSQL and to the broker go bad: reset, half open, late, byte by byte, cut inside an answer."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from loyalty.local.ports import HOST
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.proxy import Proxy
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack, moment_of

STUCK = 60.0  # seconds: nothing holds on to a dead link for longer
BRIEF = (0.2, 1.0)  # seconds that a bad link stays bad
DEAD = 100  # of so many faults one kills all links that are open, without a word


@row("G11", "links to PostgreSQL and broker: reset, half open, late, trickling, cut", quick=15, full=5_000, seconds=20)
def links_go_bad(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with proxied(stack, rng) as (database, broker), stack.traffic(rng):
        for number in stack.rounds(times):
            if number % DEAD == DEAD - 1:
                links_die([database, broker], outcome)
            else:
                spoil = KINDS[number % len(KINDS)]
                spoil(database if spoil is cuts or rng.random() < 0.7 else broker, rng)
            outcome.faults += 1
            time.sleep(rng.uniform(*BRIEF))
        outcome.note(f"{database.cut} of PostgreSQL's answers were cut inside")
    return outcome


def links_die(links: list[Proxy], outcome: Outcome) -> None:
    dead = sum(link.deaden() for link in links)
    start = time.monotonic()
    given_up = moment_of(lambda: not any(link.dead for link in links), STUCK)
    left = [link.dead for link in links]
    outcome.expect(given_up is not None, f"after {STUCK:g} s {left} dead links to PostgreSQL and broker are waited on")
    outcome.note(f"of {dead} dead links none was waited on after {(given_up or time.monotonic()) - start:.0f} s")


def resets(proxy: Proxy, rng: random.Random) -> None:
    proxy.reset(share=rng.choice((0.3, 1.0)))


def falls_silent(proxy: Proxy, rng: random.Random) -> None:
    with proxy.silence():
        time.sleep(rng.uniform(*BRIEF))


def is_late(proxy: Proxy, rng: random.Random) -> None:
    with proxy.latency():
        time.sleep(rng.uniform(*BRIEF))


def trickles(proxy: Proxy, rng: random.Random) -> None:
    with proxy.trickle():
        time.sleep(rng.uniform(*BRIEF))


def cuts(proxy: Proxy, rng: random.Random) -> None:
    proxy.cut_answers(rng.randint(1, 4))


KINDS: list[Callable[[Proxy, random.Random], None]] = [resets, falls_silent, is_late, trickles, cuts]


@contextlib.contextmanager
def proxied(stack: Stack, rng: random.Random) -> Iterator[tuple[Proxy, Proxy]]:
    """All processes reach PostgreSQL and the broker by links that can go bad."""
    straight = {name: (stack.web.env or {})[name] for name in ("DATABASE_URL", "REDIS_URL")}
    ports = {name: urlsplit(url).port or 0 for name, url in straight.items()}
    with Proxy(ports["DATABASE_URL"], rng) as database, Proxy(ports["REDIS_URL"], rng) as broker:
        restart_all(
            stack,
            DATABASE_URL=through(database, straight["DATABASE_URL"]),
            REDIS_URL=through(broker, straight["REDIS_URL"]),
        )
        try:
            yield database, broker
        finally:
            restart_all(stack, **straight)


def through(proxy: Proxy, url: str) -> str:
    parts = urlsplit(url)
    who, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{who}@{HOST}:{proxy.port}").geturl()


def restart_all(stack: Stack, **env: str) -> None:
    for process in reversed(stack.processes):  # the web, which is waited for, comes last
        stack.restart(process, **env)
