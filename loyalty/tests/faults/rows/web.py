"""Web processes die at named places: before a fact is committed, after it, around the nudge, before the answer."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

from loyalty.stores.failpoints import PLACES
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack, moment_of

PATIENCE = 15.0  # seconds until somebody comes by a place


@row("G10", "web: kill -9 at named places", quick=20, full=800, seconds=25)
def web_dies(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with failpoints(stack) as folder, stack.traffic(rng):
        for number in stack.rounds(times):
            place = sorted(PLACES)[number % len(PLACES)]
            if happened(folder / place, "kill"):
                outcome.faults += 1
            else:
                outcome.fail(f"nobody came by {place} within {PATIENCE:g} s")
            time.sleep(rng.uniform(0, 0.2))
    return outcome


@contextlib.contextmanager
def failpoints(stack: Stack) -> Iterator[Path]:
    """The web with places at which a file of this folder ends it."""
    folder = stack.state / "failpoints"
    folder.mkdir(exist_ok=True)
    stack.restart(stack.web, FAILPOINTS=str(folder), FAULT_INJECTION="allowed")
    try:
        yield folder
    finally:
        stack.restart(stack.web, FAILPOINTS="", FAULT_INJECTION="")


def happened(order: Path, action: str) -> bool:
    order.write_text(action)
    if moment_of(lambda: not order.exists(), PATIENCE):
        return True
    order.unlink(missing_ok=True)
    return False
