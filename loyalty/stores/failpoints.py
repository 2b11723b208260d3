"""Named places at which a test may end or hold a process, to see what is left behind. Off in production.

They are armed at the start of a process only, by FAILPOINTS, a folder, and only where FAULT_INJECTION allows it.
A file in that folder named as a place says what is to happen there, once: `kill`, `raise` or `sleep <seconds>`.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

PLACES = {
    "before-commit",  # of a fact or a redemption
    "after-commit",  # of a fact; nobody knows yet
    "before-nudge",  # the store is marked as having a drain waiting, and it is not sent yet
    "after-nudge",
    "before-answer",
}


class Failure(Exception):
    """What `raise` raises."""


def nothing(place: str) -> None:
    """There is no failing here."""


def armed(folder: Path) -> Callable[[str], None]:
    def reach(place: str) -> None:
        order, taken = folder / place, folder / f"{place}.{os.getpid()}"
        try:
            order.rename(taken)  # to one process alone
        except FileNotFoundError:
            return
        action, *details = taken.read_text().split()
        taken.unlink()
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "sleep":
            time.sleep(float(details[0]))
        else:
            raise Failure(place)

    return reach


def choose() -> Callable[[str], None]:
    folder = os.environ.get("FAILPOINTS")
    if not folder:
        return nothing
    if os.environ.get("FAULT_INJECTION") != "allowed":
        raise RuntimeError("FAILPOINTS ends processes, for tests. It needs FAULT_INJECTION=allowed beside it.")
    return armed(Path(folder))


reach = choose()
