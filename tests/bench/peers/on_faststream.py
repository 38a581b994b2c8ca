"""
FastStream. Its defaults publish messages that are not persistent and reject what raises.

https://faststream.ag2.ai/latest/rabbit/ack/ · https://faststream.ag2.ai/latest/rabbit/publishing/
"""

import logging
from typing import Any

import aiohttp
import asyncpg
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from tests.bench.peers.job import AMQP_URL, DATABASE_URL, HEADERS, INSERT, PREFETCH, PROVIDER_URL, form, main, sid_of

JOBS = RabbitQueue("faststream.jobs", queue_type=QueueType.QUORUM, durable=True)
RESULTS = RabbitQueue("faststream.results", queue_type=QueueType.QUORUM, durable=True)


def broker_of() -> RabbitBroker:
    """Publisher confirms are on by default; a log line per message, which is too, is left out."""
    return RabbitBroker(AMQP_URL, default_channel=Channel(prefetch_count=PREFETCH), log_level=logging.DEBUG)


async def send() -> None:
    """POST each job and publish its result; acknowledged afterwards, returned where it raises."""
    broker = broker_of()
    async with aiohttp.ClientSession() as session:

        async def on_job(job: dict[str, Any]) -> None:
            body = form(job["recipient"], job["text"])
            async with session.post(PROVIDER_URL, data=body, headers=HEADERS) as response:
                sid = sid_of(await response.read())
            await broker.publish({"id": job["id"], "sid": sid}, RESULTS, persist=True)

        broker.subscriber(JOBS, ack_policy=AckPolicy.NACK_ON_ERROR)(on_job)
        await FastStream(broker).run(log_level=logging.WARNING)


async def record() -> None:
    """Write one row per result; acknowledged afterwards."""
    broker = broker_of()
    async with asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10) as pool:

        async def on_result(result: dict[str, Any]) -> None:
            await pool.execute(INSERT.format("$1", "$2"), result["id"], result["sid"])

        broker.subscriber(RESULTS, ack_policy=AckPolicy.NACK_ON_ERROR)(on_result)
        await FastStream(broker).run(log_level=logging.WARNING)


if __name__ == "__main__":
    main({"send": send, "record": record})
