"""Children that do not outlive bin/up, however it ends."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .state import Problem

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Leash:
    """Our end of leash.py: it ends the groups named here should we be killed."""

    def __init__(self, lock: int) -> None:
        self.lock = lock
        self.groups: dict[int, int] = {}
        self._start()

    def _start(self) -> None:
        program = Path(__file__).with_name("leash.py")
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(program), str(self.lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[self.lock],
            start_new_session=True,
            cwd="/",
            text=True,
        )
        for group, number in self.groups.items():
            self._tell(f"+ {group} {number}")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it was killed; keep_alive() starts another
            print(line, file=self.process.stdin, flush=True)

    def tie(self, group: int, number: int) -> None:
        self.groups[group] = number
        self._tell(f"+ {group} {number}")

    def untie(self, group: int) -> None:
        self.groups.pop(group, None)
        self._tell(f"- {group}")

    def keep_alive(self) -> None:
        if self.process.poll() is not None:
            self._start()

    def close(self) -> None:
        self.process.communicate()  # closes its input, which ends it


@dataclass(eq=False)
class Process:
    """One child, leader of its own process group, so that a signal reaches its children too."""

    name: str
    command: list[str]
    leash: Leash
    env: dict[str, str] | None = None
    cwd: Path | None = None
    account: pwd.struct_passwd | None = None  # who runs it; None: who runs us
    stop_signal: int = signal.SIGTERM
    patience: float = 2.5  # seconds between asking it to stop and killing it
    output: Path | int | None = None  # a log file, subprocess.PIPE, or None for ours
    popen: subprocess.Popen[bytes] = field(init=False)
    has_started: bool = field(default=False, init=False)

    def start(self) -> None:
        with contextlib.ExitStack() as stack:
            log = self.output
            self._start(stack.enter_context(log.open("ab")) if isinstance(log, Path) else log)
        self.has_started = True
        self.leash.tie(self.popen.pid, self.stop_signal)

    def _start(self, log: IO[bytes] | int | None) -> None:
        as_account: dict[str, Any] = {}
        if self.account:
            as_account = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        self.popen = subprocess.Popen(  # noqa: S603
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if log is None else subprocess.STDOUT,
            env=self.env,
            cwd=self.cwd,
            start_new_session=True,
            preexec_fn=self._die_with_parent,
            **as_account,
        )

    def _die_with_parent(self) -> None:
        # The leash's second line, should both it and we be killed. Linux only.
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, self.stop_signal)

    @property
    def is_running(self) -> bool:
        return self.has_started and self.popen.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.popen.poll()
        return f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with exit code {code}"

    def ask_to_stop(self) -> None:
        if self.is_running:
            self.popen.send_signal(self.stop_signal)

    def wait_or_kill(self) -> None:
        if not self.has_started:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(self.patience)
        self.bury()

    def bury(self) -> None:
        """End what is left of the group and forget it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        self.leash.untie(self.popen.pid)

    def stop(self) -> None:
        self.ask_to_stop()
        self.wait_or_kill()

    def run(self) -> int:
        """Start it and wait until it has ended."""
        self.start()
        try:
            return self.popen.wait()
        finally:
            self.bury()

    @property
    def tail(self) -> list[str]:
        """The last lines of its log file."""
        if not isinstance(self.output, Path) or not self.output.exists():
            return []
        return self.output.read_text(errors="replace").splitlines()[-20:]


def wait_until(is_ready: Callable[[], bool], process: Process, patience: float = 60.0) -> None:
    """Poll a server that has just been started; a Problem with its own words when it gives up."""
    deadline = time.monotonic() + patience
    while not is_ready():
        if not process.is_running:
            raise Problem(f"{process.name} {process.ending}: {reason(process)}")
        if time.monotonic() > deadline:
            raise Problem(f"{process.name} did not answer within {patience:.0f} s: {reason(process)}")
        time.sleep(0.05)


def reason(process: Process) -> str:
    """The one line of its log that says why it failed."""
    lines = process.tail
    # A full disk may keep the log itself from being written.
    has_room = not isinstance(process.output, Path) or shutil.disk_usage(process.output.parent).free > 1_000_000
    if not has_room or any("No space left on device" in line for line in lines):
        return "the disk is full. Make room and start again."
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1].strip()
