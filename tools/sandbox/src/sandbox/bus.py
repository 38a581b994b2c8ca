"""
Names the app's events as they pass on its broker, so that a page shows what happens behind the panel.

It only looks on: an exclusive queue of its own, which the broker forgets with the connection. It tells type,
channel and status of an event, never its text or whom it concerns.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import AMQPError
from yarl import URL

from sandbox.stream import Stream

# Exchange, and what is read of it. Requests by exact keys only: one with a wrong key must come back to its publisher.
_BINDINGS = (
    *(
        ("proactive.requests", f"send.{kind}.{lane}")
        for kind in ("sms", "whatsapp", "viber")
        for lane in ("interactive", "bulk")
    ),
    ("proactive.events", "#"),
)
_PAUSES_SECONDS = (1.0, 2.0, 5.0)
_CONNECT_SECONDS = 5
# A page that cannot follow a campaign misses lines; the broker does not keep them.
_QUEUED_EVENTS = 500
_PREFETCH = 50
_LONGEST_WORD = 40
# aiormq raises the last two for a connection that went away in between, and for an address that is none.
_TROUBLE = (AMQPError, OSError, TimeoutError, RuntimeError, ValueError)


class Bus:
    """Listens in the background, and comes back by itself."""

    def __init__(self, amqp_url: str | None, stream: Stream) -> None:
        self._url = amqp_url
        self._stream = stream
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, where there is a broker to listen to."""
        if self._url is not None:
            self._task = asyncio.create_task(self._run(self._url))

    async def stop(self) -> None:
        """Leave the broker."""
        if self._task is not None:
            while not self._task.done():  # the client may swallow a cancellation that meets a closing channel
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=2)

    async def _run(self, url: str) -> None:
        tries = 0

        def connected() -> None:
            nonlocal tries
            tries = 0
            self._stream.bus_is("connected")

        while True:
            # The broker is away, or the app's exchanges are not declared yet.
            with contextlib.suppress(*_TROUBLE):
                await self._listen(url, connected)  # ends without an error where the broker closed the connection
            self._stream.bus_is("away")
            await asyncio.sleep(_PAUSES_SECONDS[min(tries, len(_PAUSES_SECONDS) - 1)])
            tries += 1

    async def _listen(self, url: str, connected: Callable[[], None]) -> None:
        """Tell events until the connection ends."""
        async with aio_pika.Connection(URL(url)) as connection:  # closed even where it never came to be open
            await connection.connect(timeout=_CONNECT_SECONDS)
            channel = await connection.channel()
            await channel.set_qos(_PREFETCH)
            queue = await channel.declare_queue(
                f"sandbox.{secrets.token_hex(8)}",
                exclusive=True,
                auto_delete=True,
                arguments={"x-max-length": _QUEUED_EVENTS, "x-overflow": "drop-head"},
            )
            for name, key in _BINDINGS:
                exchange = await channel.get_exchange(name, ensure=True)
                await queue.bind(exchange, key)
            connected()
            async with queue.iterator(no_ack=True) as messages:
                async for message in messages:
                    self._tell(message)

    def _tell(self, message: AbstractIncomingMessage) -> None:
        event = read_event(message.body)
        if event is not None:
            self._stream.tell_event(event, line_of(event))


def read_event(body: bytes) -> dict[str, str] | None:
    """
    What may be shown of an event: type, channel, status, reason; and the last digits of the message's id, so
    that a reader sees what belongs together. None where it is no event.
    """
    try:
        event = json.loads(body)
        name, content = event["type"], event["data"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(name, str) or not isinstance(content, dict):
        return None
    found = {"type": type_name(name), "message": str(content.get("message_id", ""))[-6:]}
    for field in ("channel", "previous", "status", "reason", "receipt"):
        value = content.get(field)
        if isinstance(value, str) and value.replace("_", "").isalnum():
            found[field] = value
    return {key: value[:_LONGEST_WORD] for key, value in found.items() if value}


def type_name(full: str) -> str:
    """SendRequested for proactive.send_requested.v1."""
    words = full.removeprefix("proactive.").split(".")[0].split("_")
    return "".join(word.capitalize() for word in words)


def line_of(event: dict[str, str]) -> str:
    """The event in one line."""
    change = " → ".join(event[field] for field in ("previous", "status") if field in event)
    parts = [event["type"], event.get("channel", ""), change, event.get("reason", "")]
    return " · ".join(part for part in parts if part)
