"""All at once: faults of every kind follow each other, and overlap, under traffic."""

import random
import signal
import threading
import time
from collections.abc import Callable

from loyalty.stores.failpoints import PLACES
from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.rows.database import BUSY
from loyalty.tests.faults.rows.links import KINDS, proxied
from loyalty.tests.faults.rows.web import failpoints
from loyalty.tests.faults.stack import Stack

FROZEN = (0.5, 3.0)  # seconds
HANDS = 2  # that inject beside each other


@row("G45", "all at once: every fault, overlapping", quick=25, full=500, seconds=30)
def everything_fails(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    with failpoints(stack) as folder, proxied(stack, rng) as links, stack.traffic(rng, senders=6):
        kinds = faults_of(stack, folder, links)
        is_mine = {name: threading.Lock() for name, _ in kinds}

        def inject(seed: str) -> None:
            own = random.Random(seed)
            for _ in stack.rounds(times // HANDS):
                name, fault = own.choice(kinds)
                if is_mine[name].acquire(blocking=False):  # a thing that is broken already is left alone
                    try:
                        fault(own)
                        outcome.faults += 1
                    except Exception as error:
                        outcome.fail(f"{name}: {error!r}")
                    finally:
                        is_mine[name].release()
                time.sleep(own.uniform(0.05, 0.5))

        hands = [threading.Thread(target=inject, args=(f"{rng.random()}",), daemon=True) for _ in range(HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        stack.heal()
    return outcome


Fault = Callable[[random.Random], object]


def faults_of(stack: Stack, folder, links) -> list[tuple[str, Fault]]:
    """Each with the thing that it breaks."""
    database, broker = links

    def freeze(process) -> Fault:
        def freezes(rng: random.Random) -> None:
            with stack.frozen(process):
                time.sleep(rng.uniform(*FROZEN))

        return freezes

    def stop_database(rng: random.Random) -> None:
        stack.kill_database()
        time.sleep(rng.uniform(0, 1))
        stack.start_database()

    def end_backends(rng: random.Random) -> None:
        with stack.superuser() as superuser:
            superuser.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {BUSY}")

    def ask_worker_to_stop(rng: random.Random) -> None:
        stack.worker.popen.send_signal(signal.SIGTERM)
        stack.worker.popen.wait(30)
        stack.restart(stack.worker)

    return [
        ("worker", lambda rng: stack.restart(stack.worker)),
        ("worker", lambda rng: stack.kill_one_child(stack.worker, rng)),
        ("worker", ask_worker_to_stop),
        ("worker", freeze(stack.worker)),
        ("beat", lambda rng: stack.restart(stack.beat)),
        ("web", lambda rng: stack.kill_one_child(stack.web, rng)),
        ("web", lambda rng: (folder / rng.choice(sorted(PLACES))).write_text("kill")),
        ("broker", lambda rng: stack.empty_broker()),
        ("broker", lambda rng: stack.kill_broker()),
        ("broker", lambda rng: rng.choice(KINDS[:-1])(broker, rng)),
        ("database", stop_database),
        ("database", end_backends),
        ("database", lambda rng: rng.choice(KINDS)(database, rng)),
    ]
