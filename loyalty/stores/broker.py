"""The broker makes things fast and is never needed for them to be right."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from . import failpoints

logger = logging.getLogger(__name__)

UNREACHABLE = (redis.RedisError, OperationalError, OSError)
QUEUED_FOR = 5  # seconds a queued drain keeps further nudges away; losing the key is harmless
PAUSE = 10.0  # seconds without a try after one failed, so that a hung broker costs half a second once

client = redis.Redis.from_url(
    settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, health_check_interval=30
)
_closed_until = 0.0


def is_paused() -> bool:
    return time.monotonic() < _closed_until


def pause(error: BaseException) -> None:
    global _closed_until
    _closed_until = time.monotonic() + PAUSE
    logger.warning("The broker does not answer (%r); facts are kept, the sweep will apply them.", error)


def nudge(task: str, store_id: int) -> None:
    """After commit, have a worker look at this store's due facts. At most one drain waits per store."""

    def committed() -> None:
        failpoints.reach("after-commit")
        publish(task, store_id)

    transaction.on_commit(committed)


def publish(task: str, store_id: int) -> None:
    if is_paused():
        return
    try:
        if client.set(queued_key(task, store_id), 1, nx=True, ex=QUEUED_FOR):
            failpoints.reach("before-nudge")
            current_app.send_task(task, [store_id])
            failpoints.reach("after-nudge")
    except UNREACHABLE as error:
        pause(error)


class Nudger:
    """Nudges from a thread of its own, once for all who ask within a few milliseconds: for the busiest callers,
    and they never wait for the broker. What a dying process did not get to say, the sweep finds."""

    GATHER = 0.005  # seconds

    def __init__(self) -> None:
        self.asked: set[tuple[str, int]] = set()
        self.wake = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread()

    def nudge(self, task: str, store_id: int) -> None:
        """For a fact that has been committed."""
        self.asked.add((task, store_id))
        self.wake.set()
        if not self.thread.is_alive():  # not begun yet, or this process is a fork
            self.start()

    def start(self) -> None:
        with self.lock:
            if not self.thread.is_alive():
                self.thread = threading.Thread(target=self.run, name="nudger", daemon=True)
                self.thread.start()

    def run(self) -> None:
        while self.wake.wait():
            self.wake.clear()
            while self.asked:
                publish(*self.asked.pop())
            time.sleep(self.GATHER)


nudger = Nudger()


def take_up(task: str, store_id: int) -> None:
    """A drain starts: facts stored from now on may queue the next one."""
    try:
        client.delete(queued_key(task, store_id))
    except UNREACHABLE as error:
        pause(error)


@contextmanager
def alone(task: str, store_id: int, seconds: int) -> Iterator[bool]:
    """Whether no other worker does this for the store. The mark ends by itself; losing it is harmless."""
    key = running_key(task, store_id)
    try:
        is_mine = bool(client.set(key, 1, nx=True, ex=seconds))
    except UNREACHABLE as error:
        pause(error)
        is_mine = True
    try:
        yield is_mine
    finally:
        if is_mine:
            with suppress(*UNREACHABLE):
                client.delete(key)


def running_key(task: str, store_id: int) -> str:
    return f"running:{task}:{store_id}"


def queue_length() -> int:
    return client.llen("celery")


def queued_key(task: str, store_id: int) -> str:
    return f"queued:{task}:{store_id}"
