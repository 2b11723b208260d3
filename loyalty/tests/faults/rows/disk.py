"""The disk is full: PostgreSQL may let no file grow beyond a size, which it takes for a full disk, as its authors meant
it to. That needs neither root nor a file system of its own. An fsync that fails cannot be had that way."""

import contextlib
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from loyalty.tests.faults.outcome import Outcome
from loyalty.tests.faults.rows import row
from loyalty.tests.faults.shop import Shop
from loyalty.tests.faults.stack import Stack, moment_of
from loyalty.tests.running import children_of

FULL = 5.0  # seconds
BACK = 15.0  # seconds from the end of a fault to the first acknowledgement
ROOM = 64 << 10  # bytes that a file may have: the write-ahead log, which all writes begin with, is beyond that


@row("G14", "disk full: nothing can be written", quick=0, full=30, seconds=20)
def disk_is_full(stack: Stack, times: int, rng: random.Random) -> Outcome:
    outcome = Outcome()
    if sys.platform != "linux":
        return outcome.skip("only Linux changes another process's limits")
    with stack.traffic(rng, senders=8) as shop:
        for _ in stack.rounds(times):
            put_off, acknowledged = postponed(shop), len(shop.acknowledged)
            with full_disk(stack):
                time.sleep(rng.uniform(0.5, 1.0) * FULL)
            ended = not stack.database_answers()
            if ended:  # it could not even recover without room: who makes room starts it again
                stack.kill_database()
                stack.start_database()
            outcome.faults += 1
            over = time.monotonic()
            moment_of(lambda: shop.first_answer_after(over) is not None, BACK * 3)  # noqa: B023
            outcome.recovered((shop.first_answer_after(over) or float("inf")) - over, BACK, "the first acknowledgement")
            outcome.note(
                f"{'PostgreSQL ended; ' if ended else ''}{postponed(shop) - put_off} calls were put off, "
                f"{len(shop.acknowledged) - acknowledged} facts acknowledged"
            )
    return outcome


def postponed(shop: Shop) -> int:
    return sum(one.is_later for one in shop.answers)


@contextlib.contextmanager
def full_disk(stack: Stack) -> Iterator[None]:
    limit(stack, ROOM)
    try:
        yield
    finally:
        limit(stack, None)


def limit(stack: Stack, size: int | None) -> None:
    """Of PostgreSQL's processes; those that it starts later have it from the first of them."""
    if not stack.database.is_running:
        return
    first = stack.database.popen.pid
    processes = [first, *children_of(first)]

    def set_limits() -> None:
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))

    account = stack.database.account  # only who runs a process may do this, and not even root in a container
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    subprocess.run(["true"], preexec_fn=set_limits, check=True, **who)
