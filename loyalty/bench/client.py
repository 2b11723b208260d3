"""A load client that costs little: kept-alive sockets, requests made beforehand, answers read by length."""

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

THREADS = 8


def requests_per_second(url: str, request: Callable[[int], bytes], seconds: float, expect: tuple[int, ...]) -> float:
    """Send requests from several connections for some seconds; every answer must be one of `expect`."""
    address = urlsplit(url)
    until, counts, failures = time.perf_counter() + seconds, [0] * THREADS, []

    def talk(number: int) -> None:
        try:
            with socket.create_connection((address.hostname, address.port)) as peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while time.perf_counter() < until:
                    peer.sendall(request(counts[number] * THREADS + number))
                    status = read_answer(peer)
                    if status not in expect:
                        raise AssertionError(f"the server answered {status}")
                    counts[number] += 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=talk, args=[number]) for number in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - started)


def read_answer(peer: socket.socket) -> int:
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = peer.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    missing = length - len(body)
    while missing > 0:
        missing -= len(peer.recv(65536))
    return int(head.split(b" ", 2)[1])


def post(url: str, path: str, key: str, body: bytes) -> bytes:
    host = urlsplit(url).netloc
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(url: str, path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
