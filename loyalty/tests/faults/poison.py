"""Facts that harm whoever applies them, one kind for each way in which code can fail.

A worker that is to meet them is started with `--include loyalty.tests.faults.poison`; nothing of the product knows it.
"""

import ctypes
import os
import resource
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from django.db import connection

from earning import applying

PROPERTY = "poison"  # of a fact: the kind
HOG = 1 << 30  # bytes that a process may have, for the kind that takes all
evaluate = applying.evaluate


def segfault() -> None:
    ctypes.string_at(0)


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def take_all_memory() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (HOG, hard))
    try:
        hoard = []
        while True:
            hoard.append(bytearray(50 << 20))
    finally:
        hoard.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def never_end() -> NoReturn:
    while True:
        pass


def ask_to_exit() -> NoReturn:
    raise SystemExit(1)


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def recurse() -> None:
    recurse()


class Unserialisable(Exception):
    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __reduce__(self) -> NoReturn:
        raise TypeError("This cannot be sent anywhere.")


def cannot_be_sent() -> NoReturn:
    raise Unserialisable


def say_too_much() -> NoReturn:
    raise RuntimeError("x" * 10_000_000)


class Speechless(Exception):
    def __str__(self) -> NoReturn:
        raise RuntimeError("There are no words for it.")

    __repr__ = __str__


def say_nothing() -> NoReturn:
    raise Speechless


def break_transaction() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")


KINDS: dict[str, Callable[[], None]] = {
    "segfault": segfault, "own kill": kill_itself, "memory": take_all_memory, "endless loop": never_end,
    "exit": ask_to_exit, "interrupt": interrupt, "recursion": recurse, "unserialisable": cannot_be_sent,
    "10 MB error": say_too_much, "no words": say_nothing, "database error": break_transaction,
}  # fmt: skip


def poisoned(fact: Any, *args: Any) -> Any:
    if kind := fact.properties.get(PROPERTY):
        KINDS[kind]()
    return evaluate(fact, *args)


def install() -> None:
    applying.evaluate = poisoned


if os.environ.get("FAULT_INJECTION") == "allowed":
    install()
