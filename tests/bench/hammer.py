"""HTTP requests that were written down before, over so many connections at a time, each as fast as it is answered."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from runtime.lifecycle import loop_factory

ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Hit:
    """One answer, and the seconds that it took."""

    seconds: float
    status: int
    body: bytes


@dataclass(frozen=True)
class Volley:
    """All answers to some requests, and the seconds from the first request to the last answer."""

    seconds: float
    hits: Sequence[Hit]

    @property
    def per_second(self) -> float:
        """Answers."""
        return len(self.hits) / self.seconds

    def milliseconds(self) -> list[float]:
        """How long each took, shortest first."""
        return sorted(1000 * hit.seconds for hit in self.hits)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST as it goes over the wire."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def hammer(url: str, requests: Iterable[bytes], connections: int) -> Volley:
    """Send them all to the host of `url`."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_hammer(url, list(requests), connections))


async def _hammer(url: str, requests: Sequence[bytes], connections: int) -> Volley:
    parts = urlsplit(url)
    rest, hits = iter(requests), list[Hit]()

    async def work() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            for request in rest:
                began = time.monotonic()
                writer.write(request)
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, body = await _answer(reader)
                hits.append(Hit(time.monotonic() - began, status, body))
        finally:
            writer.close()

    began = time.monotonic()
    await asyncio.gather(*(work() for _ in range(connections)))
    return Volley(time.monotonic() - began, hits)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
    return int(lines[0].split(" ")[1]), await reader.readexactly(int(lengths[0]) if lengths else 0)
