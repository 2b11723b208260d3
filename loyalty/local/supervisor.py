"""Runs web, worker and beat, follows what they print, and starts again whatever dies."""

import http.client
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from loyalty.celery import app

from .console import say_for
from .ports import HOST
from .processes import Leash, Process
from .state import ROOT, Problem, State

TICK = 0.2  # seconds
STABLE_AFTER = 10.0  # a child that lived this long did not die at start
QUICK_DEATHS = 5
LONGEST_DELAY = 8.0

WEB_WORKERS = 2
AT_ONCE = 4  # requests that a web process works on
WEB_THREADS = 128  # the others wait for senders and readers that are slow
HEADER_SECONDS = 10


def web(port: int, leash: Leash) -> Process:
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS), "--no-ws", "--http", "1"),
        *("--http1-header-read-timeout", str(HEADER_SECONDS * 1000)),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "2s"),
        *(
            "--log-level",
            "warning",
            "--access-log",
            "--access-log-fmt",
            "%(method)s %(path)s %(status)d %(dt_ms).0f ms",
        ),
        "loyalty.wsgi:application",
    ]
    return child("web", command, leash, {"DATABASE_POOL": str(AT_ONCE)})


def worker(leash: Leash) -> Process:
    command = [
        *(sys.executable, "-m", "celery", "--quiet", "--app", "loyalty", "worker", "--loglevel", "warning"),
        *("--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"),
    ]
    # The web must not wait for a hung broker; a worker has nothing better to do.
    env = {"BROKER_SOCKET_TIMEOUT": "10", "BROKER_CONNECT_TIMEOUT": "2"}
    # Root is allowed here: tasks come as JSON, from a broker on this machine that has a password.
    env["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser privileges"
    return child("worker", command, leash, env)


def beat(state: State, leash: Leash) -> Process:
    command = [
        *(sys.executable, "-m", "celery", "--quiet", "--app", "loyalty", "beat", "--loglevel", "warning"),
        *("--schedule", str(state / "celerybeat-schedule"), "--pidfile", ""),
    ]
    return child("beat", command, leash, {})


def sweeper(leash: Leash) -> Process:
    """Takes over when beat or the broker is gone."""
    return child("sweeper", [sys.executable, str(ROOT / "manage.py"), "sweep"], leash, {})


def child(name: str, command: list[str], leash: Leash, env: dict[str, str]) -> Process:
    return Process(name, command, leash, env=os.environ | env, cwd=ROOT, output=subprocess.PIPE)


@dataclass(eq=False)
class Watched:
    """A child with its recent past."""

    process: Process
    started_at: float = 0.0
    restart_at: float | None = None
    quick_deaths: int = 0
    has_been_stable: bool = False
    rest: bytes = b""  # a line that has not ended yet
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def start(self) -> None:
        self.process.start()
        self.started_at, self.restart_at = time.monotonic(), None

    def take(self, chunk: bytes) -> None:
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        if len(self.rest) > 65_536:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            self.last_lines.append(text)
            say_for(self.process.name, text)

    @property
    def is_due(self) -> bool:
        return self.restart_at is not None and time.monotonic() >= self.restart_at

    def note_death(self) -> None:
        """Decide when it starts again; give up on a child that could never start. One that could will again, once
        what keeps it down (a full broker, a full disk) is over."""
        self.process.bury()
        is_stable = time.monotonic() - self.started_at >= STABLE_AFTER
        self.has_been_stable |= is_stable
        self.quick_deaths = 1 if is_stable else self.quick_deaths + 1
        if self.quick_deaths >= QUICK_DEATHS and not self.has_been_stable:
            lines = "\n".join([*self.last_lines, *self.process.tail])
            raise Problem(f"{self.process.name} {self.process.ending} {QUICK_DEATHS} times at start. It said:\n{lines}")
        delay = min(0.25 * 2**self.quick_deaths, LONGEST_DELAY)
        self.restart_at = time.monotonic() + delay
        say_for(self.process.name, f"{self.process.ending}; starting again in {delay:g} s")


class Supervisor:
    """Keeps the servers alive, which run already, and the apps that are started here."""

    def __init__(self, servers: list[Process], leash: Leash) -> None:
        self.watched = [Watched(process, started_at=time.monotonic()) for process in servers]
        self.apps: list[Watched] = []
        self.leash = leash
        self.selector = selectors.DefaultSelector()

    def start(self, process: Process) -> None:
        watched = Watched(process)
        self.watched.append(watched)
        self.apps.append(watched)
        self._start(watched)

    def _start(self, watched: Watched) -> None:
        watched.start()
        if output := watched.process.popen.stdout:
            os.set_blocking(output.fileno(), False)
            self.selector.register(output, selectors.EVENT_READ, watched)

    def watch_until(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            self._follow()
            self._revive()
            self.leash.keep_alive()

    def _follow(self) -> None:
        for key, _ in self.selector.select(TICK):
            chunk = os.read(key.fd, 65_536)
            key.data.take(chunk or b"\n" * bool(key.data.rest))
            if not chunk:
                self.selector.unregister(key.fileobj)

    def _revive(self) -> None:
        for watched in self.watched:
            if watched.is_due:
                self._start(watched)
            elif watched.restart_at is None and not watched.process.is_running:
                self._follow()  # its last words come first
                watched.note_death()

    def stop(self) -> None:
        """The web first, so that nothing new comes in; then the rest together."""
        for group in (self.apps[:1], self.apps[1:]):
            for watched in group:
                watched.process.ask_to_stop()
            for watched in group:
                watched.process.wait_or_kill()
        self._follow()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_answers() -> bool:
    """Until then a fact would wait; the first call of a newcomer should not."""
    return bool(app.control.broadcast("ping", reply=True, timeout=1, limit=1))
