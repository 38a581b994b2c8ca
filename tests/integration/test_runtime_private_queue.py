"""The queue of one process alone comes back after every loss and leaves nothing behind."""

import asyncio
from collections.abc import Iterable
from uuid import uuid4

import aio_pika
import pytest

from devstack.backends import Broker
from proactive_contracts.topology import EVENTS
from runtime.amqp.private_queue import MAX_LENGTH, PrivateQueue
from tests.integration.runtime_support import eventually, side_channel, vhost_of


@pytest.fixture(autouse=True)
async def _exchange(amqp_url: str) -> None:
    async with side_channel(amqp_url) as channel:
        await channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)


@pytest.fixture
def key() -> str:
    return f"panel.{uuid4()}"


async def tell(url: str, key: str, bodies: Iterable[bytes]) -> None:
    async with side_channel(url) as channel:
        exchange = await channel.get_exchange(EVENTS)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), key, mandatory=False)


async def queues(broker: Broker, url: str) -> list[str]:
    said = await asyncio.to_thread(
        broker.ctl, "list_queues", "-p", vhost_of(url), "--quiet", "--no-table-headers", "name"
    )
    return said.split()


async def test_what_is_told_to_its_key_arrives(amqp_url: str, key: str) -> None:
    seen: list[bytes] = []
    async with PrivateQueue(amqp_url, EVENTS, key, seen.append, "tests") as private:
        await eventually(lambda: private.connected)
        await tell(amqp_url, f"panel.{uuid4()}", [b"somebody else's"])
        await tell(amqp_url, key, [b"one", b"two"])
        await eventually(lambda: len(seen) == 2)
    assert seen == [b"one", b"two"]
    assert not private.connected


async def test_it_comes_back_after_a_cut_and_leaves_no_queue_behind(broker: Broker, amqp_url: str, key: str) -> None:
    seen: list[bytes] = []
    async with PrivateQueue(amqp_url, EVENTS, key, seen.append, "tests") as private:
        await eventually(lambda: private.connected)
        before = await queues(broker, amqp_url)
        await asyncio.to_thread(broker.ctl, "close_all_connections", "-p", vhost_of(amqp_url), "test")
        await eventually(lambda: not private.connected)
        await eventually(lambda: private.connected)
        after = await queues(broker, amqp_url)
        await tell(amqp_url, key, [b"after"])
        await eventually(lambda: seen == [b"after"])
    assert [name.startswith(f"{key}.") for name in before + after] == [True, True]
    assert before != after
    assert await queues(broker, amqp_url) == []


async def test_it_comes_back_after_its_queue_was_deleted(broker: Broker, amqp_url: str, key: str) -> None:
    seen: list[bytes] = []
    async with PrivateQueue(amqp_url, EVENTS, key, seen.append, "tests") as private:
        await eventually(lambda: private.connected)
        [name] = await queues(broker, amqp_url)
        await asyncio.to_thread(broker.ctl, "delete_queue", "-p", vhost_of(amqp_url), name)
        await eventually(lambda: not private.connected)
        await eventually(lambda: private.connected)
        await tell(amqp_url, key, [b"after"])
        await eventually(lambda: seen == [b"after"])


async def test_reader_that_fails_misses_one_message_only(amqp_url: str, key: str) -> None:
    seen: list[bytes] = []

    def read(body: bytes) -> None:
        if body == b"bad":
            raise ValueError("a bug")
        seen.append(body)

    async with PrivateQueue(amqp_url, EVENTS, key, read, "tests") as private:
        await eventually(lambda: private.connected)
        await tell(amqp_url, key, [b"one", b"bad", b"two"])
        await eventually(lambda: len(seen) == 2)
    assert seen == [b"one", b"two"]


async def test_flood_is_read_in_order(amqp_url: str, key: str) -> None:
    seen: list[bytes] = []
    async with PrivateQueue(amqp_url, EVENTS, key, seen.append, "tests") as private:
        await eventually(lambda: private.connected)
        bodies = [str(number).encode() for number in range(MAX_LENGTH)]
        await tell(amqp_url, key, bodies)
        await eventually(lambda: seen[-1:] == bodies[-1:])
    assert seen == sorted(seen, key=int)


async def test_without_a_broker_it_waits_and_can_be_left(key: str) -> None:
    async with asyncio.timeout(5):
        async with PrivateQueue("amqp://guest:guest@127.0.0.1:1/", EVENTS, key, print, "tests") as private:
            await asyncio.sleep(0.1)
            assert not private.connected
