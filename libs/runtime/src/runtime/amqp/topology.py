"""Declaring a topology on a broker, and telling what is missing there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Self

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection

from proactive_contracts.topology import Binding, Queue, Topology
from runtime.amqp.connection import AMQP_ERRORS, connect, end, loss_as_error


class TopologyRefused(Exception):
    """The broker has an exchange or a queue of that name with other properties, or refuses us the right."""


class TopologyWatch:
    """For readiness: looks now and then whether the exchanges and queues that a service needs are there."""

    def __init__(self, url: str, wanted: Topology, seconds: float = 15) -> None:
        self._url = url
        self._wanted = wanted
        self._seconds = seconds
        self._found: str | None = "not looked at yet"
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="topology watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await end(self._task)

    async def check(self) -> str | None:
        """What is missing, with the command that brings it."""
        return self._found

    async def _keep(self) -> None:
        while True:
            try:
                with loss_as_error():
                    absent = await missing(self._url, self._wanted)
                self._found = f"{', '.join(absent)}: run `proactivectl topology apply`" if absent else None
            except AMQP_ERRORS as error:
                self._found = f"no answer from the broker ({type(error).__name__})"
            await asyncio.sleep(self._seconds if self._found is None else min(1.0, self._seconds))


@asynccontextmanager
async def _connected(url: str, name: str) -> AsyncIterator[AbstractConnection]:
    connection = await connect(url, name)
    try:
        yield connection
    finally:
        await connection.close()


async def apply(url: str, wanted: Topology) -> list[str]:
    """
    Declare everything; what is there already stays. Returns what was missing before.

    Raises:
        TopologyRefused: something is there with other properties; it names the thing and the broker's reason.
    """
    async with _connected(url, "topology apply") as connection:
        absent = await _missing(connection, wanted)
        for exchange in wanted.exchanges:
            await _declare_exchange(connection, exchange)
        for queue in wanted.queues:
            await _declare_queue(connection, queue)
        for binding in wanted.bindings:
            await _bind(connection, binding)
        return absent


async def missing(url: str, wanted: Topology) -> list[str]:
    """The exchanges and queues that are not there; over AMQP nobody can list bindings."""
    async with _connected(url, "topology check") as connection:
        return await _missing(connection, wanted)


async def differences(url: str, wanted: Topology) -> list[str]:
    """What is missing, or there with other properties; one line each."""
    async with _connected(url, "topology diff") as connection:
        absent = await _missing(connection, wanted)
        found = list(absent)
        for exchange in wanted.exchanges:
            if f"exchange {exchange}" not in absent:
                found += await _refusal(_declare_exchange(connection, exchange))
        for queue in wanted.queues:
            if f"queue {queue.name}" not in absent:
                found += await _refusal(_declare_queue(connection, queue))
        return found


async def _refusal(declaring: Awaitable[None]) -> list[str]:
    try:
        await declaring
    except TopologyRefused as error:
        return [str(error)]
    return []


async def _missing(connection: AbstractConnection, wanted: Topology) -> list[str]:
    absent = []
    for exchange in wanted.exchanges:
        if not await _is_there(connection, exchange, None):
            absent.append(f"exchange {exchange}")
    for queue in wanted.queues:
        if not await _is_there(connection, None, queue.name):
            absent.append(f"queue {queue.name}")
    return absent


async def _is_there(connection: AbstractConnection, exchange: str | None, queue: str | None) -> bool:
    channel = await connection.channel()  # a passive declaration that fails closes its channel
    try:
        if exchange is not None:
            await channel.get_exchange(exchange, ensure=True)
        if queue is not None:
            await channel.get_queue(queue, ensure=True)
    except aiormq.exceptions.ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


async def _declare_exchange(connection: AbstractConnection, name: str) -> None:
    channel = await connection.channel()
    try:
        await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
    except aiormq.exceptions.AMQPChannelError as error:
        raise TopologyRefused(f"exchange {name}: {error}") from None
    await channel.close()


async def _declare_queue(connection: AbstractConnection, queue: Queue) -> None:
    channel = await connection.channel()
    try:
        await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    except aiormq.exceptions.AMQPChannelError as error:
        raise TopologyRefused(f"queue {queue.name}: {error}") from None
    await channel.close()


async def _bind(connection: AbstractConnection, binding: Binding) -> None:
    channel = await connection.channel()
    try:
        queue = await channel.get_queue(binding.queue)
        await queue.bind(binding.exchange, routing_key=binding.key)
    except aiormq.exceptions.AMQPChannelError as error:
        raise TopologyRefused(f"binding {binding.key} on {binding.exchange} to {binding.queue}: {error}") from None
    await channel.close()
