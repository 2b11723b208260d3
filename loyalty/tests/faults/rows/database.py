"""PostgreSQL stops without a goodbye, or ends single connections in the middle of a transaction."""

import random
import time

from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack, moment_of

CLIENTS = 16
BACK = 5.0  # seconds from PostgreSQL's first answer to the first acknowledgement
BUSY = "usename = 'loyalty_app' AND state IN ('active', 'idle in transaction')"


@row("G9", "PostgreSQL: immediate stop, 16 clients", quick=8, full=100, seconds=35)
def database_stops(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng, CLIENTS) as shop:
        for _ in stack.rounds(times):
            time.sleep(rng.uniform(0.2, 1.5))
            stack.kill_database()
            started = stack.start_database()
            outcome.faults += 1
            moment_of(lambda: shop.first_answer_after(started) is not None, 30)  # noqa: B023
            back = (shop.first_answer_after(started) or float("inf")) - started
            outcome.recovered(back, BACK, "the first acknowledgement after a start")
    return outcome


@row("G9", "PostgreSQL: backends ended in mid-transaction", quick=40, full=3_000, seconds=10)
def backends_end(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng, CLIENTS), stack.superuser() as superuser:
        for _ in stack.rounds(times):
            time.sleep(rng.uniform(0.02, 0.3))
            busy = [pid for (pid,) in superuser.execute(f"SELECT pid FROM pg_stat_activity WHERE {BUSY}")]
            if busy:
                superuser.execute("SELECT pg_terminate_backend(%s)", [rng.choice(busy)])
                outcome.faults += 1
    return outcome
