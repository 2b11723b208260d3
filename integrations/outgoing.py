"""The one way out: HTTP calls to addresses that merchants gave us, which may be anybody's.

Only https on the ports of the web, only to public addresses. The name is resolved once, every address it has
is checked, and the connection goes to a checked one, while the certificate must be that of the name. Nothing
is followed, no proxy is asked, and a clock ends every call however slowly the other side drips.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .addresses import Address, BadAddress, Target, read, resolve

USER_AGENT = "Loyalty/1 (+webhooks)"

__all__ = ["SHOP", "WEBHOOK", "Answer", "BadAddress", "Clock", "Limits", "NoAnswer", "TooSlow", "send"]


class NoAnswer(Exception):
    """No answer came in time, or none that is HTTP. The call may have arrived all the same."""


class TooSlow(NoAnswer):
    """The time was up."""


@dataclass(frozen=True, slots=True)
class Limits:
    connect: float  # seconds
    total: float  # seconds, from the look-up of the name to the last byte
    body: int  # bytes that are read; the rest is cut


WEBHOOK = Limits(connect=5, total=15, body=64 * 1024)
SHOP = Limits(connect=3, total=7, body=1024 * 1024)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


class Clock:
    """How much of a call's time is left."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self, most: float = float("inf")) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("The time is up.")
        return min(left, most)


def send(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, limits: Limits = WEBHOOK
) -> Answer:
    """Make one call. Raises BadAddress or NoAnswer; every answer, redirects too, is returned as it is."""
    target = read(url)
    clock = Clock(limits.total)
    try:
        addresses = resolve(target, clock.left())
        connected = connect(target, addresses, clock, limits.connect)
        try:
            return converse(connected, target, method, body, headers or {}, clock, limits.body)
        finally:
            connected.close()
    except TimeoutError as error:
        raise TooSlow(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error


@cache
def context() -> ssl.SSLContext:
    return ssl.create_default_context()


def connect(target: Target, addresses: list[Address], clock: Clock, seconds: float) -> socket.socket:
    """To the first of the addresses that takes the connection; all of them together have `seconds`."""
    connecting, failure = Clock(clock.left(seconds)), OSError("No address took the connection.")
    for address in addresses:
        try:
            opened = socket.create_connection((str(address), target.port), connecting.left())
        except OSError as error:
            failure = error
            continue
        if not target.is_secure:
            return opened
        try:
            opened.settimeout(connecting.left())
            return context().wrap_socket(opened, server_hostname=target.host)
        except BaseException:
            opened.close()
            raise
    raise failure


def converse(
    connected: socket.socket,
    target: Target,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    clock: Clock,
    most: int,
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = Timed(connected, clock)  # type: ignore[assignment]
    fixed = {
        "Host": target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close",
    }  # fmt: skip
    if body or method == "POST":
        fixed["Content-Length"] = str(len(body))
    connection.request(method, target.path, body or None, {**headers, **fixed})
    with connection.getresponse() as response:
        return Answer(
            response.status, {name.lower(): text for name, text in response.getheaders()}, response.read(most)
        )


class Timed:
    """A socket whose every step gets no more than what is left of the call's time."""

    def __init__(self, connected: socket.socket, clock: Clock) -> None:
        self.connected, self.clock = connected, clock

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.connected.settimeout(self.clock.left())
            rest = rest[self.connected.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(TimedReader(self))

    def close(self) -> None:
        """`send` closes the connection, also when there is no response to read."""


class TimedReader(io.RawIOBase):
    def __init__(self, timed: Timed) -> None:
        self.timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self.timed.connected.settimeout(self.timed.clock.left())
        return self.timed.connected.recv_into(buffer)
