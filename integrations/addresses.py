"""Which addresses may be called: those of the web, at servers that anybody on the internet may reach."""

import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

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


def resolve(target: Target, seconds: float) -> list[Address]:
    """All addresses of a name, each of them checked. The system's resolver knows no clock, so it has a thread."""
    asked = _resolvers.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(timeout=seconds)
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
