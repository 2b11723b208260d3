"""The state folder: one bin/up at a time, its keys, and what it remembers between starts."""

import base64
import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shlex
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Problem(Exception):
    """Something the person at the keyboard can put right: printed as it stands, without a traceback."""


class State:
    """Files that bin/up keeps. Whatever is secret is readable by its owner only."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self.lock = -1  # the descriptor that holds it, once acquired

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def acquire(self, patience: float = 10.0) -> None:
        """Take the folder for this process, or say who has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # PostgreSQL's account must be able to walk through a folder of root's.
        self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = os.open(self / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        start = time.monotonic()
        while not self._try_lock(lock):
            owner = os.pread(lock, 20, 0).decode().strip()
            # A killed bin/up leaves no pid here: its servers are just ending.
            if time.monotonic() - start > (1.0 if owner else patience):
                os.close(lock)
                raise Problem(f"{self.folder} is in use by another bin/up or bin/test (process {owner or 'unknown'}).")
            time.sleep(0.1)
        (self / "env").unlink(missing_ok=True)  # it told of servers that are gone
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self.lock = lock

    @staticmethod
    def _try_lock(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return False
        return True

    @property
    def is_running(self) -> bool:
        """Does a bin/up that lives hold this folder, and has it said how to reach its servers?"""
        if not (self / "lock").exists() or not (self / "env").exists():
            return False
        lock = os.open(self / "lock", os.O_RDWR)
        try:
            return not self._try_lock(lock) and is_alive(os.pread(lock, 20, 0).decode())
        finally:
            os.close(lock)

    def write_secret(self, name: str, text: str) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        partial = self / f"{name}.partial"
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        partial.replace(self / name)

    def secret(self, name: str) -> str:
        """The secret of this name, made on first use: 32 random bytes, url-safe base64."""
        if not (self / name).exists():
            self.write_secret(name, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        return (self / name).read_text()

    def recall(self, name: str) -> str:
        """What was remembered under this name at an earlier start; empty when nothing was."""
        return (self / name).read_text() if (self / name).exists() else ""

    def remember(self, name: str, value: str) -> None:
        self.write_secret(name, value)

    def write_env(self, env: dict[str, str]) -> None:
        """For bin/manage, and for a shell: `set -a; . .local/env`."""
        self.write_secret("env", "".join(f"{name}={shlex.quote(value)}\n" for name, value in env.items()))

    def read_env(self) -> dict[str, str]:
        words = shlex.split(self.recall("env"))
        return dict(word.split("=", 1) for word in words)


def is_alive(pid: str) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
        os.kill(int(pid), 0)
        return True
    return False


def fingerprint(paths: Iterable[Path]) -> str:
    """Changes when one of the files does."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
