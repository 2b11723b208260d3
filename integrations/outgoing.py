"""The one way out: HTTP calls to addresses that merchants gave us, which may be anybody's.

Only https on the ports of the web, only to public addresses. The name is resolved once, every address it has
is checked, and the connection goes to a checked one, while the certificate must be that of the name. Nothing
is followed, no proxy is asked, and a clock ends every call however slowly the other side drips.
"""

import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings

USER_AGENT = "Loyalty/1 (+webhooks)"
PORTS = {443, 8443}
LONGEST_URL = 2000
URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)  # visible ASCII only: other names have an ASCII spelling
NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Of the addresses that are neither private nor reserved, those that lead elsewhere than they say, or inside a cloud.
REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments, where one cloud has its metadata
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # another cloud's metadata
        "2001::/23",  # Teredo and other overlays
        "2002::/16",  # 6to4
        "3fff::/20",  # examples
    )
]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # NAT64, mapped, compatible and local addresses lie outside
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadAddress(ValueError):
    """This address is never called; the message says why."""


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


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was read and may be called, if its name resolves to allowed addresses only."""

    is_secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


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
        addresses = resolve(target, clock)
        connected = connect(target, addresses, clock, limits.connect)
        try:
            return converse(connected, target, method, body, headers or {}, clock, limits.body)
        finally:
            connected.close()
    except TimeoutError as error:
        raise TooSlow(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error


# --- The address ----------------------------------------------------------------------------------


def read(url: str) -> Target:
    """Raises BadAddress for all but plain addresses of the web. Whether a name may be called, `resolve` tells."""
    if len(url) > LONGEST_URL or not URL.fullmatch(url) or "\\" in url:
        raise BadAddress("Give an https address without spaces or special characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress("This is not an address.") from error
    if "@" in parts.netloc:
        raise BadAddress("An address with a user name is not called.")
    is_secure, host = parts.scheme.lower() == "https", host_of(parts.hostname or "", parts.netloc)
    if not is_secure and not settings.OUTGOING_LOOPBACK:
        raise BadAddress("Only https addresses are called.")
    port = (443 if is_secure else 80) if port is None else port
    if port not in PORTS and not settings.OUTGOING_LOOPBACK:
        raise BadAddress("Only the ports 443 and 8443 are called.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_secure, host, port, path)


def host_of(host: str, authority: str) -> str:
    """A name, or an address in its one canonical spelling: `127.1` and `0x7f.1` are no names."""
    if NAME.fullmatch(host) and not authority.startswith("["):
        return host
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise BadAddress("The name of the server is not spelled as one.") from error
    if "%" in host or (address.version == 6) != authority.startswith("["):
        raise BadAddress("The name of the server is not spelled as one.")
    return str(address)


def is_allowed(address: Address) -> bool:
    """Whether anybody on the internet may be reached at it. Loopback only where a setting lets it."""
    if address.is_loopback:
        return bool(settings.OUTGOING_LOOPBACK)
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in REFUSED)


_resolvers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")


def resolve(target: Target, clock: Clock) -> list[Address]:
    """All addresses of a name, each of them checked. The system's resolver knows no clock, so it has a thread."""
    asked = _resolvers.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(timeout=clock.left())
    except TookTooLong as error:
        raise TimeoutError(f"The name {target.host} was not resolved in time.") from error
    except UnicodeError as error:
        raise BadAddress("The name of the server is not spelled as one.") from error
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    if not addresses or not all(map(is_allowed, addresses)):
        raise BadAddress("This name leads to an address that is not on the public internet.")
    needs_leave = not target.is_secure or target.port not in PORTS
    if needs_leave and not all(address.is_loopback for address in addresses):
        raise BadAddress("Only https addresses on the ports 443 and 8443 are called.")
    return addresses


# --- The call -------------------------------------------------------------------------------------


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
