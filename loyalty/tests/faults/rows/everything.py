"""All at once: faults of every kind follow each other, and overlap, under traffic."""

import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from loyalty.stores.failpoints import PLACES
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.proxy import Proxy
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.rows.database import BUSY
from loyalty.tests.faults.rows.links import KINDS, proxied
from loyalty.tests.faults.rows.web import failpoints
from loyalty.tests.faults.stack import Stack

FROZEN = (0.5, 3.0)  # seconds
PAUSE = (0.05, 0.5)

Fault = Callable[[random.Random], object]


@row("G45", "all at once: every fault, overlapping", quick=25, full=500, seconds=30)
def everything_fails(stack: Stack, times: int, rng: random.Random) -> Outcome:
    """Two hands: this one kills and starts, since a process ends with the thread that started it; the other spoils."""
    outcome = Outcome()
    with failpoints(stack) as folder, proxied(stack, rng) as links, stack.traffic(rng, senders=6):
        is_over = threading.Event()
        kinds, own = spoiling(stack, folder, *links), random.Random(rng.random())

        def spoil() -> None:
            while not is_over.is_set():
                inject(own.choice(kinds), own, outcome)
                time.sleep(own.uniform(*PAUSE))

        other = threading.Thread(target=spoil, daemon=True)
        other.start()
        for _ in stack.rounds(times):
            inject(rng.choice(killing(stack)), rng, outcome)
            time.sleep(rng.uniform(*PAUSE))
            if outcome.faults >= times:
                break
        is_over.set()
        other.join()
        stack.heal()
    return outcome


def inject(fault: Fault, rng: random.Random, outcome: Outcome) -> None:
    try:
        fault(rng)
        outcome.faults += 1
    except (ProcessLookupError, psycopg.OperationalError, redis.RedisError):
        pass  # what it would break is broken just now


def killing(stack: Stack) -> list[Fault]:
    def stop_database(rng: random.Random) -> None:
        stack.kill_database()
        time.sleep(rng.uniform(0, 1))
        stack.start_database()

    def ask_worker_to_stop(rng: random.Random) -> None:
        stack.worker.popen.send_signal(signal.SIGTERM)
        time.sleep(rng.uniform(0, 2))
        stack.restart(stack.worker)

    return [
        stop_database,
        ask_worker_to_stop,
        lambda rng: stack.restart(stack.worker),
        lambda rng: stack.restart(stack.beat),
        lambda rng: stack.kill_broker(),
    ]


def spoiling(stack: Stack, folder: Path, database: Proxy, broker: Proxy) -> list[Fault]:
    def freeze(rng: random.Random) -> None:
        with stack.frozen(rng.choice([stack.worker, stack.beat])):
            time.sleep(rng.uniform(*FROZEN))

    def end_backends(rng: random.Random) -> None:
        with stack.superuser() as superuser:
            superuser.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {BUSY}")

    return [
        freeze,
        end_backends,
        lambda rng: stack.kill_one_child(stack.worker, rng),
        lambda rng: stack.kill_one_child(stack.web, rng),
        lambda rng: (folder / rng.choice(sorted(PLACES))).write_text("kill"),
        lambda rng: stack.empty_broker(),
        lambda rng: rng.choice(KINDS[:-1])(broker, rng),
        lambda rng: rng.choice(KINDS)(database, rng),
    ]
