"""
A TCP proxy in front of a server, which can do to a connection what networks do.

All proxies run on one event loop in a thread of their own; their verbs are called from anywhere and have happened when
they return.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

Result = TypeVar("Result")
Address = tuple[str, int]
Direction = Literal["to_server", "to_client"]

DIRECTIONS: tuple[Direction, Direction] = ("to_server", "to_client")
VERB_SECONDS = 5.0
CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0
PIECE_SECONDS = 0.01
"""Between two pieces of a tampered answer."""

Tampering = Callable[[], Iterable[bytes]]
"""Makes what a client gets in place of an answer; a proxy sends it piece by piece and then hangs up."""


class _Pair:
    """One client's connection and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.gates = {direction: asyncio.Event() for direction in DIRECTIONS}
        self.go_on()

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()

    def go_on(self) -> None:
        for gate in self.gates.values():
            gate.set()


@dataclass(eq=False)
class Proxy:
    """One listening port that leads to `target`. Made by Network.open."""

    network: "Network"
    port: int
    target: Address
    latency_seconds: float = 0.0
    tampering: Tampering | None = None
    """While it is set, every answer is replaced; the server got the request all the same."""
    accepted: int = 0
    """Connections so far."""
    _open: set[_Pair] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def cut(self) -> None:
        """Every connection breaks off at once; new ones are let through."""
        self.network.call(self._cut)

    def refuse(self) -> None:
        """Every connection breaks off, and nothing listens here until flow()."""
        self.network.run(self._refuse())

    def stall(self, *directions: Direction) -> None:
        """
        Bytes of the open connections, in these directions (none named: both), stay on their way until flow() or cut().

        New connections are let through: to both ends the old ones look alive.
        """

        def hold() -> None:
            for pair in self._open:
                for direction in directions or DIRECTIONS:
                    pair.gates[direction].clear()

        self.network.call(hold)

    def flow(self) -> None:
        """Everything as it should be: what was held goes on, and the port listens."""
        self.latency_seconds, self.tampering = 0.0, None
        self.network.run(self._flow())

    def switch(self, target: Address) -> None:
        """New connections lead elsewhere; those that are open break off."""
        self.target = target
        self.cut()

    def inject(self, frames: bytes) -> None:
        """Put bytes into every open connection to the server, as if its client had sent them."""

        def write() -> None:
            for pair in self._open:
                pair.server.write(frames)

        self.network.call(write)

    async def _start(self) -> None:
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    async def _flow(self) -> None:
        for pair in self._open:
            pair.go_on()
        await self._listen()

    def _cut(self) -> None:
        for pair in list(self._open):
            pair.abort()

    async def _connected(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                from_server, server = await asyncio.open_connection(*self.target)
        except (OSError, TimeoutError):
            client.transport.abort()
            return
        pair = _Pair(client, server)
        self._open.add(pair)
        pumps = (
            self._pump(reader, server, pair.gates["to_server"]),
            self._pump(from_server, client, pair.gates["to_client"], answers=True),
        )
        try:
            await asyncio.gather(*pumps)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(pair)
            pair.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event, *, answers: bool = False
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await gate.wait()
            if self.latency_seconds:
                await asyncio.sleep(self.latency_seconds)
            if answers and self.tampering is not None:
                await _tamper(writer, self.tampering)
                raise ConnectionAbortedError
            writer.write(chunk)
            await writer.drain()
        await gate.wait()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


async def _tamper(writer: asyncio.StreamWriter, tampering: Tampering) -> None:
    for piece in tampering():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(PIECE_SECONDS)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class Network:
    """The thread in which proxies run; a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-network", daemon=True)
        self.proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self.proxies:
            self.run(proxy._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self, port: int, target: Address) -> Proxy:
        """A proxy on this loopback port."""
        proxy = Proxy(self, port, target)
        self.run(proxy._start())
        self.proxies.append(proxy)
        return proxy

    @contextlib.contextmanager
    def tls_server(self, port: int, context: ssl.SSLContext) -> Iterator[None]:
        """A server that shows a certificate and hangs up."""

        async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        server = self.run(asyncio.start_server(greet, "127.0.0.1", port, ssl=context))
        try:
            yield
        finally:
            self.call(server.close)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(VERB_SECONDS)

    def call(self, work: Callable[[], None]) -> None:
        """Run a function there and wait for it."""

        async def there() -> None:
            work()

        self.run(there())


def address_of(url: str) -> Address:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def through(url: str, proxy: Proxy) -> str:
    """The same URL, by way of a proxy."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    there = f"127.0.0.1:{proxy.port}"
    return urlunsplit(parts._replace(netloc=f"{login}@{there}" if login else there))
