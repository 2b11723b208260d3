"""The whole product on a state folder of its own, with everything in it there to be killed."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import psycopg

from loyalty.local import supervisor
from loyalty.local.postgres import DATABASE
from loyalty.local.processes import Leash, Process
from loyalty.local.state import State
from loyalty.tests.running import READY, Product, children_of, wait_until

from .servers import Servers
from .shop import Shop, open_shop

SENDERS, PAUSE = 4, 0.01  # a shop's connections, and seconds between two calls on each


class Stack(Product):
    """Web, worker and beat as in production, on servers as bin/up runs them."""

    def __init__(self, state: State, leash: Leash, servers: Servers) -> None:
        env = servers.env | {"STATIC_ROOT": str(state / "static")}
        super().__init__(state, leash, env, servers.valkey, servers.broker)
        self.postgres, self.database = servers.postgres, servers.database
        self.sweeper = self._set_up(supervisor.sweeper(leash))
        self.shops: list[Shop] = []  # of the row that runs
        self.deadline = 0.0  # when its share of the time is used up
        self.is_quick = False  # then faults are short

    @property
    def processes(self) -> list[Process]:
        return [self.web, self.worker, self.beat, self.sweeper]

    def start(self) -> None:
        super().start()
        self.sweeper.start()

    def stop(self) -> None:
        self.sweeper.stop()
        super().stop()

    # --- For rows ---

    def rounds(self, times: int) -> Iterator[int]:
        """Count to `times`, and stop before when the row's share of the time is used up."""
        for number in range(times):
            if number and time.monotonic() > self.deadline:
                return
            yield number
            self.heal()

    def open_shop(self, rng: random.Random) -> Shop:
        """A store with rules, customers with points, a reward with codes, a key and a Lootly connection."""
        shop = open_shop(self.port, rng)
        self.shops.append(shop)
        return shop

    @contextlib.contextmanager
    def traffic(self, rng: random.Random, senders: int = SENDERS, pause: float = PAUSE) -> Iterator[Shop]:
        """A shop that calls all the while. At the end it insists on every answer that it still waits for."""
        shop = self.open_shop(rng)
        shop.start(senders, pause)
        try:
            yield shop
        except BaseException:
            shop.is_abandoned.set()
            raise
        finally:
            shop.finish()

    def superuser(self) -> psycopg.Connection:
        """Of PostgreSQL, in the product's database: ends backends, counts connections."""
        return psycopg.connect(self.postgres.superuser_url, dbname=DATABASE, autocommit=True, connect_timeout=5)

    def another(self, process: Process) -> Process:
        """One more worker, beat or web than there is; the row ends it."""
        process.name = f"another-{process.name}"
        return self._set_up(process)

    def restart(self, process: Process, **env: str) -> None:
        """kill -9 and a new one, with these variables changed. The web is waited for."""
        process.bury()
        process.env = (process.env or {}) | env
        process.start()
        if process is self.web:
            self.wait_for_web()

    def wait_for_web(self) -> None:
        wait_until(lambda: supervisor.answers(self.port), READY, "the web server answers")

    def wait_for_worker(self) -> None:
        wait_until(self._worker_answers, READY, "the worker answers")

    def heal(self) -> list[str]:
        """Start what should run and does not, as a supervisor would; returns the names."""
        dead = [process for process in self.processes if not process.is_running]
        for process in dead:
            process.bury()
            process.start()
        return [process.name for process in dead]

    # --- Faults ---

    @contextlib.contextmanager
    def frozen(self, process: Process) -> Iterator[None]:
        """SIGSTOP for the process and its children, SIGCONT at the end."""
        os.killpg(process.popen.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(process.popen.pid, signal.SIGCONT)

    def kill_one_child(self, process: Process, rng: random.Random) -> None:
        if children := children_of(process.popen.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(children), signal.SIGKILL)

    def kill_database(self) -> None:
        """PostgreSQL's immediate stop: every connection ends, nothing is tidied up."""
        self.database.popen.send_signal(signal.SIGQUIT)
        self.database.popen.wait(30)
        self.database.bury()

    def start_database(self) -> float:
        """Start it again; returns when it answered."""
        self.database.start()
        wait_until(self.database_answers, READY, "PostgreSQL answers")
        return time.monotonic()

    def database_answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self.superuser().close()
            return True
        return False


def moment_of(is_so: Callable[[], bool], seconds: float, every: float = 0.05) -> float | None:
    """When it was so, or None if it was not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return None
        time.sleep(every)
    return time.monotonic()
