"""What the tests of the runtime on a real broker share: a side entrance to the broker, and patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from proactive_contracts.codec import Properties
from proactive_contracts.topology import DEAD, EVENTS, REQUESTS, parked

Arguments = Mapping[str, str | int]


def make_properties(message_id: str | None = None, headers: Mapping[str, str] | None = None) -> Properties:
    return Properties(
        message_id=message_id or str(uuid4()),
        type="proactive.test.v1",
        correlation_id="correlated",
        timestamp=datetime(2026, 11, 23, 9, 14, 7, tzinfo=UTC),
        app_id="tests",
        headers=headers or {},
    )


def vhost_of(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


async def eventually(check: Callable[[], Awaitable[bool] | bool], seconds: float = 15) -> None:
    """Wait until `check` is true; fail after that many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            found = check()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def side_channel(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of the test's own."""
    connection = await aio_pika.connect(url)
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def declare_queue(url: str, name: str, arguments: Arguments | None = None, key: str | None = None) -> str:
    """A quorum queue bound to `key` on the requests, with its parked queue beside it; returns its name."""
    async with side_channel(url) as channel:
        for exchange in (REQUESTS, EVENTS, DEAD):
            await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        aside = await channel.declare_queue(parked(name), durable=True, arguments={"x-queue-type": "quorum"})
        await aside.bind(DEAD, parked(name))
        queue = await channel.declare_queue(
            name, durable=True, arguments={"x-queue-type": "quorum", **(arguments or {})}
        )
        await queue.bind(REQUESTS, key or name)
    return name


async def put(url: str, queue: str, *bodies: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Place messages straight into a queue."""
    async with side_channel(url) as channel:
        for body in bodies:
            message = aio_pika.Message(body, message_id=str(uuid4()), headers=dict(headers or {}), delivery_mode=2)
            await channel.default_exchange.publish(message, queue)


async def take(url: str, queue: str, seconds: float = 10) -> AbstractIncomingMessage:
    """Take the next message out of a queue, waiting for it."""
    async with side_channel(url) as channel:
        source = await channel.get_queue(queue)
        async with asyncio.timeout(seconds):
            while True:
                message = await source.get(fail=False)
                if message is not None:
                    await message.ack()
                    return message
                await asyncio.sleep(0.05)


async def ready(url: str, queue: str) -> int:
    """Messages that wait in a queue."""
    async with side_channel(url) as channel:
        return (await channel.get_queue(queue)).declaration_result.message_count or 0


async def bodies_in(url: str, queue: str) -> list[bytes]:
    """Everything that waits in a queue; it is taken out."""
    found: list[bytes] = []
    async with side_channel(url) as channel:
        source = await channel.get_queue(queue)
        while (message := await source.get(fail=False)) is not None:
            await message.ack()
            found.append(message.body)
    return found
