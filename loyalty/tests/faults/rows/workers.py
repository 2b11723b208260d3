"""Workers and the beat die, or stop and come back."""

import random
import time

from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack


@row("G7", "worker: kill -9 of group or child, TERM, frozen", quick=12, full=2_000, seconds=25)
def workers_die(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with stack.traffic(rng):
        for _ in stack.rounds(times):
            time.sleep(rng.uniform(0.2, 2.0))
            stack.kill_one_child(stack.worker, rng)
            outcome.faults += 1
    return outcome
