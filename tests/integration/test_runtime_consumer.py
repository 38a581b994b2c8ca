"""Each delivery ends acknowledged, parked or returned, whatever happens to the handler, the channel or the broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from devstack.backends import Broker
from proactive_contracts.codec import decode
from proactive_contracts.topology import DEAD, parked
from runtime.amqp import consumer as consuming
from runtime.amqp.consumer import Consumer, Delivery, Park
from runtime.amqp.publisher import Publisher, Unconfirmed
from runtime.amqp.settling import Settling
from tests.integration.runtime_support import (
    Arguments,
    bodies_in,
    declare_queue,
    eventually,
    put,
    ready,
    side_channel,
    take,
    vhost_of,
)

Handler = Callable[[Delivery], Awaitable[None]]


class Trouble(Exception):
    """The database cannot answer now."""


@pytest.fixture
async def publisher(amqp_url: str) -> AsyncIterator[Publisher]:
    async with Publisher(amqp_url, "tests") as connected:
        yield connected


@pytest.fixture
async def queue(amqp_url: str) -> str:
    return await declare_queue(amqp_url, f"work.{uuid4()}")


@pytest.fixture
def start(amqp_url: str, publisher: Publisher) -> Callable[..., AbstractAsyncContextManager[Consumer]]:
    """Start a consumer of one queue and wait until it consumes."""

    @asynccontextmanager
    async def started(queue: str, handler: Handler, concurrency: int = 5) -> AsyncIterator[Consumer]:
        consumer = Consumer(
            amqp_url, [queue], handler, publisher, concurrency=concurrency, name="tests", trouble=(Trouble,)
        )
        async with consumer:
            await eventually(lambda: consumes(consumer))
            yield consumer

    return started


Start = Callable[..., AbstractAsyncContextManager[Consumer]]


async def consumes(consumer: Consumer) -> bool:
    return await consumer.check() is None


async def is_empty(url: str, queue: str) -> bool:
    return await ready(url, queue) == 0


async def cut_connections(broker: Broker, url: str) -> None:
    await asyncio.to_thread(broker.ctl, "close_all_connections", "-p", vhost_of(url), "test")


async def test_handled_delivery_is_acknowledged(start: Start, amqp_url: str, queue: str) -> None:
    seen: list[tuple[bytes, str, str]] = []

    async def handle(delivery: Delivery) -> None:
        seen.append((delivery.body, delivery.queue, delivery.routing_key))

    async with start(queue, handle):
        await put(amqp_url, queue, b"one", b"two")
        await eventually(lambda: len(seen) == 2)
    assert seen == [(b"one", queue, queue), (b"two", queue, queue)]
    assert await is_empty(amqp_url, queue)


async def test_delivery_may_be_acknowledged_early_and_is_gone_then(
    start: Start, broker: Broker, amqp_url: str, queue: str
) -> None:
    acknowledged: list[bytes] = []
    release = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        await delivery.ack()
        acknowledged.append(delivery.body)
        await release.wait()
        raise ValueError("too late to matter to the broker")

    async with start(queue, handle) as consumer:
        await put(amqp_url, queue, b"one")
        await eventually(lambda: len(acknowledged) == 1)
        await cut_connections(broker, amqp_url)
        await eventually(lambda: consumes(consumer))
        release.set()
        await put(amqp_url, queue, b"two")
        await eventually(lambda: len(acknowledged) == 2)
    assert acknowledged == [b"one", b"two"]
    assert await is_empty(amqp_url, queue)
    assert await is_empty(amqp_url, parked(queue))


async def test_no_more_than_the_concurrency_is_handled_at_a_time(start: Start, amqp_url: str, queue: str) -> None:
    running = most = handled = 0

    async def handle(delivery: Delivery) -> None:
        nonlocal running, most, handled
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        handled += 1

    async with start(queue, handle, concurrency=3):
        await put(amqp_url, queue, *[b"x"] * 30)
        await eventually(lambda: handled == 30)
    assert most == 3


async def test_what_is_no_event_is_parked_with_its_reason(start: Start, amqp_url: str, queue: str) -> None:
    async def handle(delivery: Delivery) -> None:
        decode(delivery.body)

    async with start(queue, handle):
        await put(amqp_url, queue, b"no event", headers={"x-delivery-count": "many"})
        message = await take(amqp_url, parked(queue))
    assert message.body == b"no event"
    assert message.headers["x-proactive-reason"] == "malformed"
    assert str(message.headers["x-proactive-detail"]).startswith("not JSON")
    assert message.headers["x-proactive-queue"] == queue
    assert message.headers["x-proactive-routing-key"] == queue
    assert message.headers["x-proactive-message-id"]
    assert message.delivery_mode == 2
    assert await is_empty(amqp_url, queue)


async def test_handler_parks_what_it_can_never_handle(start: Start, amqp_url: str, queue: str) -> None:
    async def handle(delivery: Delivery) -> None:
        raise Park("other_workspace", "the channel belongs to another workspace")

    async with start(queue, handle):
        await put(amqp_url, queue, b"forged")
        message = await take(amqp_url, parked(queue))
    assert message.headers["x-proactive-reason"] == "other_workspace"
    assert message.headers["x-proactive-detail"] == "the channel belongs to another workspace"


async def test_original_is_kept_until_its_parking_is_confirmed(start: Start, amqp_url: str, queue: str) -> None:
    async with side_channel(amqp_url) as channel:
        await (await channel.get_queue(parked(queue))).unbind(DEAD, parked(queue))
    tries = 0

    async def handle(delivery: Delivery) -> None:
        nonlocal tries
        tries += 1
        raise Park("never", "never")

    async with start(queue, handle):
        await put(amqp_url, queue, b"kept")
        await eventually(lambda: tries >= 2)

    async def is_back() -> bool:
        return await ready(amqp_url, queue) == 1

    await eventually(is_back)
    async with side_channel(amqp_url) as channel:
        await (await channel.get_queue(parked(queue))).bind(DEAD, parked(queue))
    async with start(queue, handle):
        assert (await take(amqp_url, parked(queue))).body == b"kept"
    assert await is_empty(amqp_url, queue)


@pytest.mark.parametrize("error", [Trouble("no database"), Unconfirmed("no broker")], ids=["database", "broker"])
async def test_trouble_is_waited_out_in_place_and_never_counted(start: Start, amqp_url: str, error: Exception) -> None:
    name = f"limited.{uuid4()}"
    limited = await declare_queue(amqp_url, name, dead_lettering(name, 1))
    tries: list[bool] = []

    async def handle(delivery: Delivery) -> None:
        tries.append(bool(delivery.message.redelivered))
        if len(tries) < 5:
            raise error

    async with start(limited, handle):
        await put(amqp_url, limited, b"x")
        await eventually(lambda: len(tries) == 5)
    assert tries == [False] * 5
    assert await is_empty(amqp_url, limited)


def dead_lettering(name: str, limit: int) -> Arguments:
    """As the topology has it, with a limit that a test reaches."""
    return {
        "x-delivery-limit": limit,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": parked(name),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def test_unexpected_error_is_returned_and_parked_by_the_broker_at_the_limit(
    start: Start, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_LONGEST_PAUSE", 0.05)
    name = f"limited.{uuid4()}"
    await declare_queue(amqp_url, name, dead_lettering(name, 3))
    tries: list[int] = []
    handled: list[bytes] = []

    async def handle(delivery: Delivery) -> None:
        if delivery.body == b"poison":
            tries.append(delivery.returns)
            raise KeyError("a bug")
        handled.append(delivery.body)

    async with start(name, handle):
        await put(amqp_url, name, b"poison", b"neighbour")
        message = await take(amqp_url, parked(name))
    assert message.body == b"poison"
    assert tries == [0, 1, 2, 3]
    assert handled == [b"neighbour"]
    assert await is_empty(amqp_url, name)


async def test_cut_connection_does_not_cancel_the_handler_and_the_copy_comes_again(
    start: Start, broker: Broker, amqp_url: str, queue: str
) -> None:
    events: list[str] = []
    release = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        call = f"call {len(events)}"
        events.append(f"{call} begun, redelivered {delivery.message.redelivered}")
        try:
            await release.wait()
        except asyncio.CancelledError:
            events.append(f"{call} cancelled")
            raise
        events.append(f"{call} ended, stale {delivery.stale}")

    async with start(queue, handle) as consumer:
        await put(amqp_url, queue, b"x")
        await eventually(lambda: len(events) == 1)
        await cut_connections(broker, amqp_url)
        await eventually(lambda: len(events) == 2)
        assert await consumes(consumer)
        release.set()
        await asyncio.sleep(1)
    assert events == [
        "call 0 begun, redelivered False",
        "call 1 begun, redelivered True",
        "call 0 ended, stale True",
        "call 1 ended, stale False",
    ]
    assert await is_empty(amqp_url, queue)


async def test_delivery_in_trouble_is_dropped_when_its_channel_is_gone(
    start: Start, broker: Broker, amqp_url: str, queue: str
) -> None:
    healthy = asyncio.Event()
    handled: list[bool] = []

    async def handle(delivery: Delivery) -> None:
        if not healthy.is_set():
            raise Trouble
        handled.append(bool(delivery.message.redelivered))

    async with start(queue, handle, concurrency=1) as consumer:
        await put(amqp_url, queue, b"x")
        await asyncio.sleep(0.3)
        await cut_connections(broker, amqp_url)
        await eventually(lambda: consumes(consumer))
        healthy.set()
        await eventually(lambda: len(handled) == 1)
        await asyncio.sleep(1)
    assert handled == [True]


async def test_consumer_survives_being_cut_again_and_again(
    start: Start, broker: Broker, amqp_url: str, queue: str
) -> None:
    seen: set[bytes] = set()

    async def handle(delivery: Delivery) -> None:
        await asyncio.sleep(0.01)
        seen.add(delivery.body)

    wanted = {str(number).encode() for number in range(300)}
    async with start(queue, handle):
        await put(amqp_url, queue, *wanted)
        for _ in range(3):
            await cut_connections(broker, amqp_url)
            await asyncio.sleep(0.5)
        await eventually(lambda: seen == wanted)
    assert await is_empty(amqp_url, queue)


async def test_deleted_queue_is_told_by_readiness_and_its_return_noticed(
    start: Start, amqp_url: str, queue: str
) -> None:
    handled: list[bytes] = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.body)

    async with start(queue, handle) as consumer:
        async with side_channel(amqp_url) as channel:
            await channel.queue_delete(queue)

        async def noticed() -> bool:
            return await consumer.check() == f"not consuming {queue}"

        await eventually(noticed)
        await declare_queue(amqp_url, queue)
        await eventually(lambda: consumes(consumer))
        await put(amqp_url, queue, b"after")
        await eventually(lambda: handled == [b"after"])


async def test_consumer_starts_before_its_queue_is_there(amqp_url: str, publisher: Publisher) -> None:
    late = f"late.{uuid4()}"
    handled: list[bytes] = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.body)

    async with Consumer(amqp_url, [late], handle, publisher, concurrency=1, name="tests", trouble=()) as consumer:
        await asyncio.sleep(0.5)
        assert await consumer.check() == f"not consuming {late}"
        await declare_queue(amqp_url, late)
        await put(amqp_url, late, b"first")
        await eventually(lambda: handled == [b"first"])


async def test_stop_waits_for_what_is_in_flight_and_gives_the_rest_back(
    start: Start, amqp_url: str, queue: str
) -> None:
    begun: list[bytes] = []
    ended: list[bytes] = []

    async def handle(delivery: Delivery) -> None:
        begun.append(delivery.body)
        await asyncio.sleep(0.5)
        ended.append(delivery.body)

    bodies = [str(number).encode() for number in range(20)]
    async with start(queue, handle, concurrency=2):
        await put(amqp_url, queue, *bodies)
        await eventually(lambda: len(begun) == 2)
    assert ended == begun
    assert len(begun) == 2
    assert sorted(await bodies_in(amqp_url, queue)) == sorted(set(bodies) - set(ended))


async def test_stop_gives_back_what_is_not_begun_before_what_is_in_flight_ends(
    start: Start, amqp_url: str, queue: str
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        begun.set()
        await may_end.wait()

    async def stop_while_one_is_in_flight() -> None:
        async with start(queue, handle, concurrency=1):
            await put(amqp_url, queue, b"in flight", b"not begun")
            await begun.wait()

    stopping = asyncio.create_task(stop_while_one_is_in_flight())
    await begun.wait()
    try:
        assert (await take(amqp_url, queue)).body == b"not begun"
        assert not stopping.done()
    finally:
        may_end.set()
        await stopping
    assert await bodies_in(amqp_url, queue) == []


async def test_stop_does_not_wait_for_trouble_to_pass(start: Start, amqp_url: str, queue: str) -> None:
    tries = 0

    async def handle(delivery: Delivery) -> None:
        nonlocal tries
        tries += 1
        raise Trouble

    async with asyncio.timeout(10):
        async with start(queue, handle):
            await put(amqp_url, queue, b"kept")
            await eventually(lambda: tries >= 3)
    assert await bodies_in(amqp_url, queue) == [b"kept"]


async def test_stop_without_a_broker_ends() -> None:
    async def handle(delivery: Delivery) -> None: ...

    url = "amqp://guest:guest@127.0.0.1:1/"
    publisher = Publisher(url, "tests")
    consumer = Consumer(url, ["q"], handle, publisher, concurrency=1, name="tests", trouble=())
    async with asyncio.timeout(5), publisher, consumer:
        await asyncio.sleep(0.1)
        assert await consumer.check() == "not consuming q"


async def test_read_up_to_is_told_only_when_nothing_is_left(start: Start, amqp_url: str, queue: str) -> None:
    release = asyncio.Event()
    began = datetime.now(UTC)

    async def handle(delivery: Delivery) -> None:
        await release.wait()

    await put(amqp_url, queue, *[b"x"] * 10)
    async with start(queue, handle, concurrency=1) as consumer:
        await asyncio.sleep(consuming.PROBE_SECONDS + 1)
        assert [consumer.read_up_to] == [None]
        assert consumer.depths[queue] >= 10 - 2
        released = datetime.now(UTC)
        release.set()
        await eventually(lambda: consumer.read_up_to is not None)
        assert consumer.read_up_to is not None
        assert began < released < consumer.read_up_to <= datetime.now(UTC)
        assert consumer.depths == {queue: 0}


async def test_read_up_to_stands_still_while_something_is_in_hand(start: Start, amqp_url: str, queue: str) -> None:
    busy, release = asyncio.Event(), asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        busy.set()
        await release.wait()

    async with start(queue, handle) as consumer:
        await eventually(lambda: consumer.read_up_to is not None)
        await put(amqp_url, queue, b"x")
        await busy.wait()
        before = consumer.read_up_to
        published = datetime.now(UTC)
        await asyncio.sleep(consuming.PROBE_SECONDS + 1)
        assert consumer.read_up_to == before
        release.set()
        await eventually(lambda: consumer.read_up_to is not None and consumer.read_up_to > published)


async def test_stopped_broker_is_told_and_survived(start: Start, broker: Broker, amqp_url: str, queue: str) -> None:
    handled: list[bytes] = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.body)

    async with start(queue, handle) as consumer:
        await asyncio.to_thread(broker.stop)
        try:
            assert await consumer.check() == f"not consuming {queue}"
        finally:
            await asyncio.to_thread(broker.start)
        await put(amqp_url, queue, b"after")
        await eventually(lambda: handled == [b"after"])


async def test_channel_that_the_broker_closed_is_opened_anew(start: Start, amqp_url: str, queue: str) -> None:
    handled: list[bytes] = []
    channels: list[Settling] = []

    async def handle(delivery: Delivery) -> None:
        handled.append(delivery.body)
        channels.append(delivery.settling)
        if delivery.body == b"twice":
            await delivery.ack()
            await delivery.settling._channel.basic_ack(delivery.message.delivery_tag)  # 406: an unknown delivery tag

    async with start(queue, handle):
        await put(amqp_url, queue, b"twice")
        await eventually(lambda: len(channels) == 1 and channels[0].over)
        await put(amqp_url, queue, b"after")
        await eventually(lambda: handled == [b"twice", b"after"])
    assert await is_empty(amqp_url, queue)
