"""By hand, without any guarantee but at-least-once: aio-pika, aiohttp and asyncpg as their documentation shows them."""

import asyncio
import json

import aio_pika
import aiohttp
import asyncpg
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, AbstractRobustChannel

from tests.bench.peers.job import AMQP_URL, DATABASE_URL, HEADERS, INSERT, PREFETCH, PROVIDER_URL, form, main, sid_of

JOBS, RESULTS = "plain.jobs", "plain.results"


async def channel_of(connection: aio_pika.abc.AbstractRobustConnection) -> AbstractRobustChannel:
    """Publisher confirms are aio-pika's default."""
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    return channel


async def queue(channel: AbstractRobustChannel, name: str) -> AbstractQueue:
    """Durable and replicated."""
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})


async def send() -> None:
    """POST each job and publish its result, then acknowledge it."""
    async with await aio_pika.connect_robust(AMQP_URL) as connection, aiohttp.ClientSession() as session:
        channel = await channel_of(connection)
        await queue(channel, RESULTS)

        async def on_job(message: AbstractIncomingMessage) -> None:
            async with message.process(requeue=True):
                job = json.loads(message.body)
                body = form(job["recipient"], job["text"])
                async with session.post(PROVIDER_URL, data=body, headers=HEADERS) as response:
                    sid = sid_of(await response.read())
                result = json.dumps({"id": job["id"], "sid": sid}).encode()
                persistent = aio_pika.Message(result, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(persistent, RESULTS)

        await (await queue(channel, JOBS)).consume(on_job)
        await asyncio.Event().wait()


async def record() -> None:
    """Write one row per result, then acknowledge it."""
    async with (
        await aio_pika.connect_robust(AMQP_URL) as connection,
        asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10) as pool,
    ):
        channel = await channel_of(connection)

        async def on_result(message: AbstractIncomingMessage) -> None:
            async with message.process(requeue=True):
                result = json.loads(message.body)
                await pool.execute(INSERT.format("$1", "$2"), result["id"], result["sid"])

        await (await queue(channel, RESULTS)).consume(on_result)
        await asyncio.Event().wait()


if __name__ == "__main__":
    main({"send": send, "record": record})
