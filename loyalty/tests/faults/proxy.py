"""A TCP link that can be made bad on purpose: it ends, falls silent, is late or comes byte by byte.

It stands between the product and one of its servers. What it decides by chance comes from the generator that it is
given.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from loyalty.local.ports import HOST

LATE = 2.0  # seconds
DRIP = 0.002  # seconds between two bytes
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is unsent is thrown away, and the peer is told so
COMMITTED = (b"COMMIT\x00", b"INSERT 0 1\x00", b"UPDATE 1\x00")  # PostgreSQL's word that it has been done


@dataclass(eq=False)
class Link:
    """One connection of the product's, and ours to the server for it."""

    down: asyncio.StreamWriter
    up: asyncio.StreamWriter
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    is_dead: bool = False
    is_asked: bool = False  # the product waits for an answer

    def reset(self) -> None:
        for writer in (self.down, self.up):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """`with Proxy(port_of_server, rng) as proxy:` listens at `proxy.port`. The faults may be called from any thread."""

    def __init__(self, server: int, rng: random.Random) -> None:
        self.server, self.rng = server, rng
        self.links: set[Link] = set()
        self.is_silent = self.is_slow = self.is_dripping = False
        self.cuts = 0  # answers to be cut off
        self.cut = 0  # those that were
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> "Proxy":
        self.thread.start()
        self.listener = self._do(asyncio.start_server(self._serve, HOST, 0))
        self.port: int = self.listener.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self.listener.close)
        self.reset()
        self._do(self._settle())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def _call(self, perform: Callable[[], None]) -> None:
        async def performed() -> None:
            perform()

        self._do(performed())

    async def _settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # --- Faults ---

    def reset(self, share: float = 1.0) -> int:
        """End connections without a word; returns how many."""
        chosen = [link for link in list(self.links) if self.rng.random() < share]
        self._call(lambda: [link.reset() for link in chosen] and None)
        return len(chosen)

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Connections stay open, new ones are taken, and nothing comes through: half open. They end with it."""
        self.is_silent = True
        try:
            yield
        finally:
            self.is_silent = False
            self.reset()

    @contextlib.contextmanager
    def latency(self) -> Iterator[None]:
        """What is said arrives two seconds later."""
        self.is_slow = True
        try:
            yield
        finally:
            self.is_slow = False

    @contextlib.contextmanager
    def trickle(self) -> Iterator[None]:
        """One byte at a time."""
        self.is_dripping = True
        try:
            yield
        finally:
            self.is_dripping = False

    def deaden(self) -> int:
        """Half open for good: nothing comes through those that are open now, and nobody is told. Returns how many."""
        links = list(self.links)
        for link in links:
            link.is_dead = True
        return len(links)

    @property
    def dead(self) -> int:
        """Links that fell silent and on which the product still waits. One that lies idle harms nobody."""
        return sum(link.is_dead and link.is_asked for link in list(self.links))

    def cut_answers(self, count: int) -> None:
        """PostgreSQL's next answers that something is done end in their middle: the client cannot know."""
        self.cuts += count

    # --- The link ---

    async def _serve(self, reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        try:
            answers, up = await asyncio.open_connection(HOST, self.server)
        except OSError:
            down.transport.abort()
            return
        link = Link(down, up)
        self.links.add(link)
        try:
            link.tasks = [
                asyncio.ensure_future(self._carry(link, reader, up, is_answer=False)),
                asyncio.ensure_future(self._carry(link, answers, down, is_answer=True)),
            ]
            await asyncio.wait(link.tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in link.tasks:
                task.cancel()
            self.links.discard(link)
            link.down.close()
            link.up.close()

    async def _carry(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                if self.is_silent or link.is_dead:
                    link.is_dead = True  # what it carries now has a gap
                    link.is_asked |= not is_answer
                    continue
                link.is_asked = not is_answer
                if is_answer and self.cuts and any(word in chunk for word in COMMITTED):
                    self.cuts -= 1
                    self.cut += 1
                    await self._send(writer, chunk[: self.rng.randrange(len(chunk))])
                    link.reset()
                    return
                await self._send(writer, chunk)

    async def _send(self, writer: asyncio.StreamWriter, chunk: bytes) -> None:
        if self.is_slow:
            await asyncio.sleep(LATE)
        pieces = [chunk[at : at + 1] for at in range(len(chunk))] if self.is_dripping else [chunk]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if self.is_dripping:
                await asyncio.sleep(DRIP)
