"""Ends what bin/up started when bin/up itself was killed and could not do it.

A process of its own, run by path and with the standard library only. Its standard input is a pipe that only
bin/up holds open: lines `+ <group> <signal>` and `- <group>` say which process groups to end when it closes.
It also holds the state folder's lock, so that the next bin/up waits until the old servers are gone.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE = 5.0  # seconds between asking and killing


def main(lock: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        verb, group, *rest = line.split()
        if verb == "+":
            groups[int(group)] = int(rest[0])
        else:
            groups.pop(int(group), None)
    if groups:
        os.ftruncate(lock, 0)  # no pid: the owner is gone, its servers are ending
        end(groups)


def end(groups: dict[int, int]) -> None:
    for group, number in groups.items():
        send(group, number)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(send(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
