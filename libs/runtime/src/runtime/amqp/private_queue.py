"""A queue of one process alone: what arrives while it is away is not missed, only not seen."""

import asyncio
from collections.abc import Callable
from typing import Self

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from runtime import clock
from runtime.amqp.connection import Link

MAX_LENGTH = 1000
TTL_MILLISECONDS = 60_000


class PrivateQueue:
    """An exclusive, auto-delete, drop-head queue, named anew per connection, bound to `key` on `exchange`."""

    def __init__(self, url: str, exchange: str, key: str, on_message: Callable[[bytes], None], name: str) -> None:
        self._link = Link(url, f"{name}.private", self._session)
        self._exchange = exchange
        self._key = key
        self._on_message = on_message
        self.connected = False

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.__aexit__()

    async def _session(self, connection: AbstractConnection) -> None:
        channel = await connection.channel(publisher_confirms=False)
        queue = await channel.declare_queue(
            f"{self._key}.{clock.new_id()}",
            exclusive=True,
            auto_delete=True,
            arguments={
                "x-max-length": MAX_LENGTH,
                "x-overflow": "drop-head",
                "x-message-ttl": TTL_MILLISECONDS,
            },
        )
        await queue.bind(self._exchange, routing_key=self._key)
        lost = asyncio.Event()
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: lost.set())
        await queue.consume(self._take, no_ack=True)
        self.connected = True
        try:
            waits = [asyncio.ensure_future(wait) for wait in (channel.closed(), lost.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        finally:
            self.connected = False

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self._on_message(message.body)
