"""Servers on this machine that tests may misuse."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

Behaviour = Callable[[socket.socket, bytes], None]  # gets the connection and the request as it came


def respond(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Receiver:
    """Takes connections one by one and behaves as told: a list of answers, then the last one for ever."""

    def __init__(
        self, *behaviours: Behaviour | bytes, tls: ssl.SSLContext | None = None, family=socket.AF_INET
    ) -> None:
        self.behaviours = list(behaviours) or [respond()]
        self.requests: list[bytes] = []
        self.touched = 0
        self.tls = tls
        self.listening = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *exc: object) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept()
        self.listening.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[bytes]:
        return [request.partition(b"\r\n\r\n")[2] for request in self.requests]

    def headers(self, number: int = -1) -> dict[str, str]:
        lines = self.requests[number].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}

    def run(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self.listening.accept()
                self.touched += 1
                threading.Thread(target=self.serve, args=[connected], daemon=True).start()

    def serve(self, connected: socket.socket) -> None:
        with suppress(OSError), connected:
            connected.settimeout(20)
            if self.tls:
                connected = self.tls.wrap_socket(connected, server_side=True)
            request = read_request(connected)
            self.requests.append(request)
            behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
            if isinstance(behaviour, bytes):
                connected.sendall(behaviour)
            else:
                behaviour(connected, request)
            if self.tls:
                connected.close()


def read_request(connected: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += some(connected)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += some(connected)
    return head + b"\r\n\r\n" + body


def some(connected: socket.socket) -> bytes:
    received = connected.recv(65536)
    if not received:
        raise OSError("The caller has gone.")
    return received


def drips(data: bytes, pause: float = 0.05) -> Behaviour:
    def behave(connected: socket.socket, request: bytes) -> None:
        for byte in data:
            connected.sendall(bytes([byte]))
            time.sleep(pause)

    return behave


def hangs(connected: socket.socket, request: bytes) -> None:
    time.sleep(20)


def hangs_up(connected: socket.socket, request: bytes) -> None:
    connected.close()


def never_ends(connected: socket.socket, request: bytes) -> None:
    connected.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connected.sendall(b"x" * 65536)
