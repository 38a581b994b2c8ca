"""Up to when a consumer has read is told also while something is always in hand: under load there is no pause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from runtime.amqp import consumer as consuming
from runtime.amqp.consumer import Consumer, Delivery
from runtime.amqp.publisher import Publisher
from tests.integration.runtime_support import declare_queue, eventually, put

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Hands:
    """A handler that holds every delivery until it is let go; one that is dropped fails, and comes again."""

    def __init__(self) -> None:
        self.held: dict[bytes, asyncio.Future[None]] = {}
        self.taken: list[bytes] = []

    async def take(self, delivery: Delivery) -> None:
        self.taken.append(delivery.body)
        self.held[delivery.body] = asyncio.get_running_loop().create_future()
        await self.held[delivery.body]

    def let_go(self, body: bytes) -> None:
        self.held.pop(body).set_result(None)

    def drop(self, body: bytes) -> None:
        self.held.pop(body).set_exception(ValueError("it cannot be handled now"))


@pytest.fixture
def hands() -> Hands:
    return Hands()


@asynccontextmanager
async def consuming_with(hands: Hands, amqp_url: str, queue: str) -> AsyncIterator[Consumer]:
    async with Publisher(amqp_url, "tests") as publisher:
        consumer = Consumer(amqp_url, [queue], hands.take, publisher, concurrency=5, name="tests", trouble=())
        async with consumer:
            try:
                yield consumer
            finally:
                for body in list(hands.held):
                    hands.let_go(body)


async def looked_twice(consumer: Consumer) -> None:
    """Until a look at the queues that began after now is over, with all that followed from it."""
    for _ in range(3):
        consumer.depths.clear()
        await eventually(lambda: bool(consumer.depths))


async def read_later_than(consumer: Consumer, moment: datetime) -> datetime:
    """Up to when it has read, once that is later than this."""
    await eventually(lambda: consumer.read_up_to is not None and consumer.read_up_to > moment)
    assert consumer.read_up_to is not None
    return consumer.read_up_to


async def in_hand(hands: Hands, body: bytes) -> datetime:
    """When a delivery is seen in hand."""
    await eventually(lambda: body in hands.held)
    return datetime.now(UTC)


@pytest.fixture
async def queue(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(consuming, "PROBE_SECONDS", 0.1)
    return await declare_queue(amqp_url, f"work.{uuid4()}")


async def test_steady_load_does_not_hold_it_back(hands: Hands, amqp_url: str, queue: str) -> None:
    """Each delivery is let go only when the next one is in hand already."""
    await put(amqp_url, queue, b"0")
    async with consuming_with(hands, amqp_url, queue) as consumer:
        before = await in_hand(hands, b"0")
        for number in range(1, 4):
            await looked_twice(consumer)
            await put(amqp_url, queue, b"%d" % number)
            after = await in_hand(hands, b"%d" % number)
            hands.let_go(b"%d" % (number - 1))
            assert await read_later_than(consumer, before) < after, "what is in hand now came later than this"
            before = after


async def test_later_one_that_is_handled_first_tells_nothing(hands: Hands, amqp_url: str, queue: str) -> None:
    async with consuming_with(hands, amqp_url, queue) as consumer:
        await read_later_than(consumer, LONG_AGO)
        await put(amqp_url, queue, b"first")
        held = await in_hand(hands, b"first")
        await put(amqp_url, queue, b"later")
        await in_hand(hands, b"later")
        await looked_twice(consumer)
        hands.let_go(b"later")
        await looked_twice(consumer)
        assert await read_later_than(consumer, LONG_AGO) < held


async def test_what_goes_back_to_its_queue_voids_what_was_to_be_told(hands: Hands, amqp_url: str, queue: str) -> None:
    """It was seen in hand, but nothing of it was handled: it is read only when it was handed out again."""
    async with consuming_with(hands, amqp_url, queue) as consumer:
        await read_later_than(consumer, LONG_AGO)
        await put(amqp_url, queue, b"returns")
        held = await in_hand(hands, b"returns")
        await looked_twice(consumer)
        hands.drop(b"returns")
        await eventually(lambda: hands.taken.count(b"returns") == 2)
        await looked_twice(consumer)
        assert await read_later_than(consumer, LONG_AGO) < held
        hands.let_go(b"returns")
        await read_later_than(consumer, held)
