"""Others are in the way: deadlocks, locks held too long, serialisation failures, no connection left."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
from psycopg import errors

from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Shop
from loyalty.tests.faults.stack import Stack, moment_of

SHORTAGE = (6.0, 9.0)  # seconds: longer than a call waits for a connection
TAKING = 5.0  # seconds
HELD = 6.0  # seconds: longer than the product waits for a lock
BACK = 10.0  # seconds from the end of a shortage to the first acknowledgement
RIVALS = 3
LONG = 0.02  # of all locks
LOCKS = ("due to lock timeout", "deadlock detected")  # the product gives up a wait before PostgreSQL sees a deadlock
COLLISIONS = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)


@row("F14", "deadlocks and lock timeouts: rivals lock wallets backwards", quick=0, full=400, seconds=20)
def locks_collide(stack: Stack, times: int, rng: random.Random) -> Outcome:
    return storm(stack, times, rng, lambda superuser, shop: lock_backwards(superuser, shop, rng), LOCKS)


@row("F15", "serialisation failures: rivals change the rows that the product reads", quick=0, full=400, seconds=20)
def serialisation_fails(stack: Stack, times: int, rng: random.Random) -> Outcome:
    with serializable(stack):
        return storm(
            stack, times, rng, lambda superuser, shop: read_and_write(superuser, shop, rng), ("could not serial",)
        )


@row("F16", "connections used up: a rival holds all that PostgreSQL has", quick=0, full=20, seconds=30)
def connections_run_out(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng, senders=8) as shop:
        for _ in stack.rounds(times):
            refused = sum(one.is_later for one in shop.answers)
            with all_connections(stack) as held:
                time.sleep(rng.uniform(*SHORTAGE))
            outcome.faults += 1
            over = time.monotonic()
            back = moment_of(lambda: shop.first_answer_after(over) is not None, BACK * 3)  # noqa: B023
            outcome.recovered((back or float("inf")) - over, BACK, "the first acknowledgement after a shortage")
            outcome.expect(held > 0, "the rival got no connection")
            outcome.note(
                f"{held} connections held, {sum(one.is_later for one in shop.answers) - refused} calls put off"
            )
    return outcome


def storm(
    stack: Stack,
    times: int,
    rng: random.Random,
    collide: Callable[[psycopg.Connection, Shop], None],
    words: tuple[str, ...],
) -> Outcome:
    """Traffic among rivals who collide with it. Faults are what PostgreSQL's log says it refused the product."""
    outcome = Outcome()
    log = stack.state / "postgres.log"
    start = log.stat().st_size
    is_over = threading.Event()

    def rival() -> None:
        while not is_over.is_set():
            with contextlib.suppress(psycopg.OperationalError), stack.superuser() as superuser:
                superuser.autocommit = False
                while not is_over.is_set():
                    with contextlib.suppress(*COLLISIONS):
                        collide(superuser, shop)
                    superuser.rollback()

    with stack.traffic(rng, senders=8) as shop:
        rivals = [threading.Thread(target=rival, daemon=True) for _ in range(RIVALS)]
        for thread in rivals:
            thread.start()
        for _ in stack.rounds(times * 10):
            time.sleep(0.2)
            if refusals(log, start, *words) >= times:
                break
        is_over.set()
        for thread in rivals:
            thread.join()
    outcome.faults = refusals(log, start, *words)
    outcome.note(f"{refusals(log, start, LOCKS[0])} waits for a lock were given up")
    return outcome


def refusals(log, start: int, *words: str) -> int:
    with log.open("rb") as file:
        file.seek(start)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if "ERROR" in line]
    return sum(line.count(word) for line in lines for word in words)


def lock_backwards(superuser: psycopg.Connection, shop: Shop, rng: random.Random) -> None:
    """Two wallets, the other way round than the product does; now and then for longer than anybody waits."""
    superuser.execute("SET LOCAL deadlock_timeout = '1min'")  # so that the product is the one who is refused
    wallets = [pk for (pk,) in superuser.execute(WALLETS, [shop.store.pk])]
    for pk in sorted(rng.sample(wallets, 2), reverse=True):
        superuser.execute("SELECT 1 FROM customers_wallet WHERE id = %s FOR UPDATE", [pk])
        time.sleep(rng.uniform(0.05, 0.3))
    if rng.random() < LONG:
        time.sleep(HELD)


WALLETS = "SELECT id FROM customers_wallet WHERE store_id = %s"


def read_and_write(superuser: psycopg.Connection, shop: Shop, rng: random.Random) -> None:
    """Change wallets without changing what they hold."""
    superuser.execute(
        "UPDATE customers_wallet SET balance = balance WHERE id IN (SELECT id FROM customers_wallet"
        " WHERE store_id = %s ORDER BY random() LIMIT 3)", [shop.store.pk],
    )  # fmt: skip
    time.sleep(rng.uniform(0, 0.05))
    superuser.commit()
    time.sleep(rng.uniform(0, 0.05))


@contextlib.contextmanager
def serializable(stack: Stack) -> Iterator[None]:
    """The product's transactions fail when what they read was changed meanwhile, as on a server set up so."""

    def set_level(level: str) -> None:
        with stack.superuser() as superuser:
            superuser.execute(f"ALTER ROLE loyalty_app SET default_transaction_isolation = '{level}'")
        for process in (stack.worker, stack.web):
            stack.restart(process)

    set_level("repeatable read")
    try:
        yield
    finally:
        set_level("read committed")


@contextlib.contextmanager
def all_connections(stack: Stack) -> Iterator[int]:
    """End the product's connections and take their places, all but those kept for superusers."""
    held: list[psycopg.Connection] = []
    with contextlib.ExitStack() as closing, stack.superuser() as superuser:
        deadline = time.monotonic() + TAKING
        while superuser.execute(END_OTHERS).rowcount or len(held) < 1:
            with contextlib.suppress(psycopg.OperationalError):
                while time.monotonic() < deadline:
                    held.append(psycopg.connect(stack.env["DATABASE_URL"], application_name="rival"))
                    closing.callback(held[-1].close)
            if time.monotonic() > deadline:
                break
        yield len(held)


END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'loyalty_app' AND application_name <> 'rival'
"""
