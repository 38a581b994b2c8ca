"""Server-sent events: whatever changes in the sandbox is told to the pages that are open."""

import asyncio
import contextlib
import json
from collections import deque
from typing import Literal

from aiohttp import web

from sandbox.ledger import now

Topic = Literal["conversations", "phone", "behaviour", "panel", "reset", "bus"]
BusState = Literal["absent", "connected", "away"]

_REMEMBERED_LINES = 80
_KEEP_ALIVE_SECONDS = 15
# A page that does not read is let go; it reconnects and fetches everything anew.
_QUEUED_EVENTS = 500


class Stream:
    """Tells open pages what changed, and keeps the latest lines for those that open later."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._lines: deque[dict[str, object]] = deque(maxlen=_REMEMBERED_LINES)
        self._number = 0
        self.bus_state: BusState = "absent"

    def tell(self, topic: Topic, line: str) -> None:
        """
        Something of `topic` changed; `line` is what a person reads about it.

        Lines carry neither message texts nor whole phone numbers.
        """
        self._send({"topic": topic, "line": line})

    def tell_event(self, event: dict[str, str], line: str) -> None:
        """An event passed on the bus; `event` is what may be shown of it."""
        self._send({"topic": "bus", "line": line, "event": event})

    def bus_is(self, state: BusState) -> None:
        """The bus is there, or is not; told where it is news."""
        if state != self.bus_state:
            self.bus_state = state
            words = "listening to the events of the app" if state == "connected" else "not reachable, trying again"
            self._send({"topic": "bus", "line": f"bus: {words}", "bus": state})

    def _send(self, content: dict[str, object]) -> None:
        self._number += 1
        event = {"number": self._number, "at": now().isoformat(), **content}
        self._lines.append(event)
        for queue in list(self._listeners):
            try:
                queue.put_nowait(_encode(event))
            except asyncio.QueueFull:
                self._listeners.discard(queue)

    def lines(self) -> list[dict[str, object]]:
        """The latest happenings, oldest first."""
        return list(self._lines)

    def close(self) -> None:
        """Let every open page go, so that the server can stop."""
        for queue in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /sandbox/stream."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_EVENTS)
        await response.prepare(request)
        self._listeners.add(queue)
        try:
            await response.write(b"retry: 1000\n\n")
            while (chunk := await self._next(queue)) is not None:
                await response.write(chunk)
        except (ConnectionError, asyncio.CancelledError):
            # The page was closed, or the server stops: nothing is lost, pages fetch the state itself.
            return response
        finally:
            self._listeners.discard(queue)
        return response

    async def _next(self, queue: asyncio.Queue[bytes | None]) -> bytes | None:
        try:
            return await asyncio.wait_for(queue.get(), _KEEP_ALIVE_SECONDS)
        except TimeoutError:
            return b": still here\n\n" if queue in self._listeners else None


def _encode(event: dict[str, object]) -> bytes:
    return f"id: {event['number']}\ndata: {json.dumps(event)}\n\n".encode()


def masked(address: str) -> str:
    """A phone number that can be recognised but not dialled: +4915…678."""
    return f"{address[:5]}…{address[-3:]}" if len(address) > 9 else "…" + address[-2:]
