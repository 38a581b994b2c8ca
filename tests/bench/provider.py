"""
The fake provider: `python -m tests.bench.provider`, told by PROVIDER_PORT and COUNTERS. It answers every POST as Twilio
does, after a while; a GET, by which it is asked whether it is there, at once.

HTTP by hand on one asyncio.Protocol: with aiohttp's server it would cost a third of what a dispatcher costs, on the
same two cores. `constant` is 50 ms; `varying` is 30 ms and an exponential 20 ms, where 2 % take a second; `slow` is a
second. Where LEDGER names a file, each call adds the message id to it that its status callback names.
"""

import asyncio
import os
import random
import re
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from runtime.lifecycle import loop_factory
from tests.bench.counters import Counters

CONSTANT_SECONDS = 0.050
LEAST_SECONDS, MEAN_MORE_SECONDS = 0.030, 0.020
SLOW_SHARE, SLOW_SECONDS = 0.02, 1.0

_ANSWER = (
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    "Connection: keep-alive\r\n\r\n{body}"
)
_LENGTH = b"content-length:"
_ID = re.compile(rb"mid%3D([0-9a-f-]{36})")


class Provider:
    """Counts, and takes its time."""

    def __init__(self, counters: Counters, ledger: BinaryIO | None = None) -> None:
        self._counters = counters
        self._ledger = ledger
        self._received = self._answered = 0

    def seconds(self) -> float:
        """How long the next answer takes."""
        mode = self._counters.mode
        if mode != "varying":
            return SLOW_SECONDS if mode == "slow" else CONSTANT_SECONDS
        if random.random() < SLOW_SHARE:
            return SLOW_SECONDS
        return LEAST_SECONDS + random.expovariate(1 / MEAN_MORE_SECONDS)

    def received(self, request: bytes) -> int:
        """One more; its number."""
        self._received += 1
        if self._ledger and (found := _ID.search(request)):
            self._ledger.write(found[1] + b"\n")
        self._counters.count(self._received, self._answered)
        return self._received

    def answered(self) -> None:
        """One more is on its way back."""
        self._answered += 1
        self._counters.count(self._received, self._answered)


class Connection(asyncio.Protocol):
    """One client's connection, one request at a time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where the answers go."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """Answer, in a while, once a request is whole."""
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0 or len(self._read) < end + 4 + _length(self._read[:end]):
            return
        request = bytes(self._read)
        self._read.clear()
        if request.startswith(b"GET "):
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        number = self._provider.received(request)
        asyncio.get_running_loop().call_later(self._provider.seconds(), self._answer, number)

    def _answer(self, number: int) -> None:
        body = f'{{"sid": "SM{number:032x}", "status": "queued", "num_segments": "1"}}'
        self._provider.answered()
        self._transport.write(_ANSWER.format(length=len(body), body=body).encode())


def _length(head: bytearray) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return 0 if at < 0 else int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def _serve(port: int, provider: Provider) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Connection, provider), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    ledger = open(os.environ["LEDGER"], "ab", buffering=0) if os.environ.get("LEDGER") else None  # noqa: SIM115  to the end
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        provider = Provider(Counters(Path(os.environ["COUNTERS"])), ledger)
        runner.run(_serve(int(os.environ["PROVIDER_PORT"]), provider))
