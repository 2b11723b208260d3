"""What bin/up prints: its own lines, and those of its children behind a readable prefix."""

import contextlib
import os
import sys

COLOURS = {"web": 36, "worker": 33, "beat": 35, "postgres": 34, "valkey": 31}
WIDTH = max(map(len, COLOURS))


def say(line: str) -> None:
    with contextlib.suppress(OSError):  # a closed pipe or a full disk must not stop the servers
        print(line, flush=True)


def say_for(name: str, line: str) -> None:
    prefix = f"{name:<{WIDTH}} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        prefix = f"\033[{COLOURS[name]}m{prefix}\033[0m"
    say(f"{prefix} {line}")
