"""The product as it runs for real, for tests that need more than a client: web, worker and beat of bin/up on a
database that is given, and a broker of their own that may be emptied and killed."""

import atexit
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import redis
from celery import Celery
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from loyalty.local import supervisor
from loyalty.local.ports import HOST, port_for
from loyalty.local.prepare import UNUSED_STATIC
from loyalty.local.processes import Leash, Process
from loyalty.local.state import ROOT, State
from loyalty.local.valkey import Valkey

READY = 90  # seconds; two cores may be busy with other tests


class Product:
    """Running processes. `start` again after `kill`: the same command, port and data."""

    def __init__(self, state: State, leash: Leash, env: dict[str, str], valkey: Valkey, broker: Process) -> None:
        self.state, self.leash, self.env = state, leash, env
        self.valkey, self.broker = valkey, broker
        self.port = port_for(state, "web")
        self.url = f"http://{HOST}:{self.port}"
        self.web = self._set_up(supervisor.web(self.port, leash))
        self.worker = self._set_up(supervisor.worker(leash))
        self.beat = self._set_up(supervisor.beat(state, leash))

    def _set_up(self, process: Process) -> Process:
        process.output = self.state / f"{process.name}.log"
        process.env |= self.env | {
            "REDIS_URL": self.valkey.url, "SITE_URL": self.url, "API_RATE_PER_SECOND": "100000",
            "DJANGO_SETTINGS_MODULE": "loyalty.settings", "DEBUG": "0",
        }  # fmt: skip
        return process

    def start(self) -> None:
        for process in (self.web, self.worker, self.beat):
            process.start()
        wait_until(lambda: supervisor.answers(self.port), READY, "the web server answers")
        wait_until(self._worker_answers, READY, "the worker answers")

    def _worker_answers(self) -> bool:
        control = Celery(broker=self.valkey.url, set_as_current=False).control
        with contextlib.suppress(redis.RedisError, OperationalError):  # kept connections end with their broker
            return bool(control.broadcast("ping", reply=True, timeout=1, limit=1))
        return False

    def stop(self) -> None:
        for process in (self.web, self.worker, self.beat, self.broker):
            process.bury()

    # --- Faults ---

    def kill_worker(self) -> None:
        """kill -9 of the worker and all its children, in the middle of whatever they do; then a new one."""
        self.worker.bury()
        self.worker.start()

    def empty_broker(self) -> None:
        with redis.Redis.from_url(self.valkey.url, socket_timeout=5) as client:
            client.flushall()

    def kill_broker(self) -> None:
        """kill -9 of a broker that keeps nothing on disk; then an empty one at the same address."""
        self.broker.bury()
        self.broker.start()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Product]:
    state = State(folder)
    state.acquire()
    leash = Leash(state.lock)
    try:
        valkey = Valkey(state, leash, is_durable=False)
        product = Product(state, leash, of_the_test(), valkey, valkey.start())
        try:
            product.start()
            yield product
        finally:
            product.stop()
    finally:
        leash.close()


def of_the_test() -> dict[str, str]:
    """What running processes share with the test that looks at them."""
    return {
        "DATABASE_URL": database_url(), "SECRET_KEY": settings.SECRET_KEY,
        "ENCRYPTION_KEY": settings.ENCRYPTION_KEY, "STATIC_ROOT": static_files(),
    }  # fmt: skip


@cache
def static_files() -> str:
    """What the pages link to, collected as in production, once for all who run it."""
    folder = tempfile.mkdtemp(prefix="loyalty-static-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ignored = [f"--ignore={name}" for name in UNUSED_STATIC]
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0", *ignored],
        cwd=ROOT, env=os.environ | {"DEBUG": "0", "STATIC_ROOT": folder, "SECRET_KEY": "unused"}, check=True,
    )  # fmt: skip
    return folder


def database_url() -> str:
    """The test database as the app role, for other processes."""
    at = connection.settings_dict
    return f"postgres://{at['USER']}:{quote(at['PASSWORD'], safe='')}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


def children_of(pid: int) -> list[int]:
    """None of a process that is gone."""
    text = ""
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    else:
        text = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in text.split()]


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"Not within {seconds:g} s: {what}"
        time.sleep(0.1)
