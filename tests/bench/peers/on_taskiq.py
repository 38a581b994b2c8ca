"""
taskiq with taskiq-aio-pika: persistent messages, publisher confirms and quorum queues are its defaults.

https://taskiq-python.github.io/guide/cli.html#acknowledgements · https://github.com/taskiq-python/taskiq-aio-pika
"""

import os

import aiohttp
import asyncpg
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker, Queue

from tests.bench.peers.job import AMQP_URL, DATABASE_URL, HEADERS, INSERT, PREFETCH, PROVIDER_URL, form, sid_of

JOBS, RESULTS = "taskiq.jobs", "taskiq.results"

_jobs, _results = (Queue(name=name, routing_key=name) for name in (JOBS, RESULTS))


def broker_of(queue: Queue) -> AioPikaBroker:
    """One that reads this queue."""
    return AioPikaBroker(AMQP_URL, qos=PREFETCH, task_queues=[queue])


role = os.environ.get("TASKIQ_ROLE", "send")
broker = broker_of(_jobs if role == "send" else _results)
results = broker_of(_results) if role == "send" else broker


async def start(state: TaskiqState) -> None:
    """What the tasks work with."""
    state.session = aiohttp.ClientSession()
    state.pool = await asyncpg.create_pool(DATABASE_URL, min_size=10, max_size=10)
    if results is not broker:
        await results.startup()


async def send(id: str, recipient: str, text: str) -> None:  # noqa: A002  as the others call it
    """POST it and publish the result."""
    body = form(recipient, text)
    async with broker.state.session.post(PROVIDER_URL, data=body, headers=HEADERS) as response:
        sid = sid_of(await response.read())
    await recorder.kiq(id, sid)


async def record(id: str, sid: str) -> None:  # noqa: A002  as the others call it
    """Write one row."""
    await broker.state.pool.execute(INSERT.format("$1", "$2"), id, sid)


broker.on_event(TaskiqEvents.WORKER_STARTUP)(start)
sender = broker.task(task_name="send")(send)
recorder = results.task(task_name="record")(record)
