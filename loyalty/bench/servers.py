"""A web server of the kind the product runs under, for one application."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from loyalty.local.ports import HOST
from loyalty.local.supervisor import AT_ONCE, WEB_THREADS, answers


@contextlib.contextmanager
def granian(application: str) -> Iterator[str]:
    """One worker process, as many threads as the product has; yields its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", str(WEB_THREADS), "--no-ws", "--http", "1"),
        *("--log-level", "error", application),
    ]
    env = os.environ | {"DATABASE_POOL": str(AT_ONCE), "API_RATE_PER_SECOND": "1000000"}
    with subprocess.Popen(command, env=env) as process:  # noqa: S603
        try:
            deadline = time.monotonic() + 30
            while not answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{application} did not start")
                time.sleep(0.1)
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
