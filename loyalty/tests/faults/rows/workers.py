"""Workers die in the middle of their work, or stop and come back as if nothing had been."""

import random
import signal
import time

from loyalty.local import supervisor
from loyalty.tests.faults.judging import applied_by, is_at_work
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.stack import Stack, moment_of

# A child is back in no time, a whole worker takes seconds to start: so children die more often.
ENDINGS = ["child"] * 7 + ["group"] * 3 + ["term"] * 2
ZOMBIE = 60.0  # seconds after which another worker must have done what a frozen one held


@row("G7", "worker: kill -9 of all or one, TERM", quick=12, full=300, seconds=30)
def workers_die(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome, in_work = Outcome(), 0
    with stack.traffic(rng, senders=2) as shop:  # what died in a batch is tried one by one
        for number in stack.rounds(times):
            if number % len(ENDINGS) == 0:
                endings = rng.sample(ENDINGS, len(ENDINGS))
            time.sleep(rng.uniform(0.2, 2.0))
            in_work += moment_of(lambda: is_at_work(shop), 1, every=0.002) is not None
            end_worker(stack, endings.pop(), rng)
            outcome.faults += 1
    outcome.note(f"{in_work} of the endings met claimed facts")
    return outcome


def end_worker(stack: Stack, ending: str, rng: random.Random) -> None:
    if ending == "child":
        stack.kill_one_child(stack.worker, rng)
    elif ending == "group":
        stack.kill_worker()
    else:
        stack.worker.popen.send_signal(signal.SIGTERM)
        moment_of(lambda: not stack.worker.is_running, 10)
        stack.kill_worker()


@row("G7", "worker frozen with work in hand, another takes over", quick=1, full=12, seconds=25)
def worker_sleeps(stack: Stack, times: int, rng: random.Random) -> Outcome:
    """Meanwhile its claims and locks are taken from it; awake again, it must not write what it had in mind."""
    outcome = Outcome()
    other = stack.another(supervisor.worker(stack.leash))
    other.start()
    try:
        with stack.traffic(rng) as shop:
            for _ in stack.rounds(times):
                moment_of(lambda: is_at_work(shop), 10, every=0.002)
                with stack.frozen(stack.worker):
                    start = time.monotonic()
                    outcome.faults += 1
                    time.sleep(10 if stack.is_quick else 120)  # longer than a claim; than a silent transaction may be
                    shop.hold()
                    settled = applied_by(shop, ZOMBIE)
                    outcome.expect(settled is not None, f"what a frozen worker held was not done in {ZOMBIE:g} s")
                    shop.go_on()
                outcome.note(f"frozen for {time.monotonic() - start:.0f} s")
    finally:
        other.bury()
    return outcome


@row("G7", "worker frozen and no other, the sweeper does its work", quick=1, full=12, seconds=25)
def worker_is_deaf(stack: Stack, times: int, rng: random.Random) -> Outcome:
    """It runs, hears nothing and does nothing: no supervisor would notice."""
    outcome = Outcome()
    with stack.traffic(rng) as shop:
        for _ in stack.rounds(times):
            with stack.frozen(stack.worker):
                outcome.faults += 1
                time.sleep(rng.uniform(1, 3))
                shop.hold()
                settled = applied_by(shop, ZOMBIE)
                outcome.expect(settled is not None, f"what nobody heard of was not done in {ZOMBIE:g} s")
                shop.go_on()
            time.sleep(rng.uniform(0.5, 2))
    return outcome
