"""The sandbox's listener on a real broker: it names events again after its connection was lost, however that was."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import aio_pika
import pytest

from devstack.backends import Broker
from proactive_contracts.topology import EVENTS, REQUESTS
from sandbox.bus import Bus
from sandbox.stream import Stream
from tests.integration.runtime_support import eventually, side_channel, vhost_of

KEY = "delivery.accepted.sms"


@pytest.fixture
async def stream(amqp_url: str, broker: Broker) -> AsyncIterator[Stream]:
    """What the page would be told, while a listener runs on the app's exchanges."""
    await asyncio.to_thread(broker.start)
    await declare_exchanges(amqp_url)
    told = Stream()
    bus = Bus(amqp_url, told)
    bus.start()
    try:
        await eventually(lambda: told.bus_state == "connected")
        yield told
    finally:
        await bus.stop()


async def declare_exchanges(amqp_url: str) -> None:
    async with side_channel(amqp_url) as channel:
        for name in (REQUESTS, EVENTS):
            await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)


async def publish(amqp_url: str, reason: str) -> None:
    """One event as the app's, told apart by its reason."""
    event = {"type": "proactive.send_accepted.v1", "data": {"channel": "sms", "reason": reason}}
    async with side_channel(amqp_url) as channel:
        exchange = await channel.get_exchange(EVENTS)
        await exchange.publish(aio_pika.Message(json.dumps(event).encode()), KEY)


def named(stream: Stream, reason: str) -> bool:
    """Whether the page was told of this event."""
    return any(reason in str(line["line"]) for line in stream.lines())


def states(stream: Stream) -> list[object]:
    """What the page was told of the bus itself, in order."""
    return [line["bus"] for line in stream.lines() if "bus" in line]


@pytest.mark.parametrize("lose", ["close", "kill"])
async def test_events_are_named_again_after_the_connection_was_lost(
    amqp_url: str, broker: Broker, stream: Stream, lose: str
) -> None:
    await publish(amqp_url, "before")
    await eventually(lambda: named(stream, "before"))
    await asyncio.to_thread(LOSSES[lose], broker, vhost_of(amqp_url))
    await eventually(lambda: states(stream) == ["connected", "away", "connected"], 30)
    await publish(amqp_url, "after")
    await eventually(lambda: named(stream, "after"))


async def test_listener_waits_for_exchanges_that_are_not_declared_yet(amqp_url: str, broker: Broker) -> None:
    empty = await asyncio.to_thread(broker.create_vhost, f"{vhost_of(amqp_url)}_empty")
    told = Stream()
    bus = Bus(empty, told)
    bus.start()
    try:
        await eventually(lambda: told.bus_state == "away")
        await declare_exchanges(empty)
        await eventually(lambda: told.bus_state == "connected")
    finally:
        await bus.stop()


def close(broker: Broker, vhost: str) -> None:
    """The broker closes every connection of the vhost, as an operator may."""
    broker.ctl("close_all_connections", "--vhost", vhost, "closed by a test")


def kill(broker: Broker, _: str) -> None:
    """The broker dies without a word, and is there again a while later."""
    broker.kill()
    broker.start()


LOSSES: dict[str, Callable[[Broker, str], None]] = {"close": close, "kill": kill}
