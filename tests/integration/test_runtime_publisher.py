"""A publish has one of three answers, each in time: confirmed, reached nobody, nobody knows."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from devstack.backends import Broker
from proactive_contracts.codec import decode, encode
from proactive_contracts.envelope import Event
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.topology import EVENTS, HISTORY_QUEUE, REQUESTS, send_queue, topology
from proactive_contracts.values import Channel, Lane
from runtime.amqp import topology as declared
from runtime.amqp.publisher import NotPublished, Publisher, PublishFailed, Unconfirmed, Unroutable
from runtime.amqp.wire import Wire
from tests.integration.runtime_support import (
    bodies_in,
    declare_queue,
    eventually,
    make_properties,
    side_channel,
    take,
    vhost_of,
)


@pytest.fixture
async def publisher(amqp_url: str) -> AsyncIterator[Publisher]:
    async with Publisher(amqp_url, "tests") as connected:
        await eventually(lambda: connected.connected)
        yield connected


@pytest.fixture
async def queue(amqp_url: str) -> str:
    return await declare_queue(amqp_url, f"work.{uuid4()}")


def example(name: str) -> Event[Any]:
    return decode((resources.files("proactive_contracts") / "examples" / name).read_bytes())


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


async def control(broker: Broker, *arguments: str) -> str:
    """rabbitmqctl, with the event loop running on."""
    return await asyncio.to_thread(broker.ctl, *arguments)


async def test_confirmed_message_is_persistent_and_carries_its_properties(
    publisher: Publisher, amqp_url: str, queue: str
) -> None:
    properties = make_properties("m1", {"traceparent": "00-1"})
    await publisher.publish(REQUESTS, queue, b"hello", properties)
    message = await take(amqp_url, queue)
    assert message.body == b"hello"
    assert (message.message_id, message.type, message.correlation_id) == ("m1", "proactive.test.v1", "correlated")
    assert (message.app_id, message.content_type) == ("tests", "application/cloudevents+json")
    assert message.delivery_mode == 2
    assert message.timestamp == properties.timestamp
    assert message.headers["traceparent"] == "00-1"
    assert message.routing_key == queue


async def test_message_to_nobody_is_unroutable_and_the_next_one_is_confirmed(publisher: Publisher, queue: str) -> None:
    for _ in range(3):
        with pytest.raises(Unroutable, match=r"no queue is bound to 'send\.fax\.bulk'"):
            await publisher.publish(REQUESTS, "send.fax.bulk", b"", make_properties("same"))
        await publisher.publish(REQUESTS, queue, b"", make_properties("same"))


async def test_message_to_nobody_is_no_error_where_nobody_is_allowed(publisher: Publisher) -> None:
    await publisher.publish(EVENTS, "status.sandbox1.sms.read", b"", make_properties(), mandatory=False)


async def test_further_key_reaches_a_further_queue(publisher: Publisher, amqp_url: str, queue: str) -> None:
    other = await declare_queue(amqp_url, f"panel.{uuid4()}")
    await publisher.publish(REQUESTS, queue, b"both", make_properties(), cc=[other])
    assert (await take(amqp_url, queue)).body == b"both"
    assert (await take(amqp_url, other)).body == b"both"


async def test_further_key_that_leads_nowhere_is_no_error(publisher: Publisher, amqp_url: str, queue: str) -> None:
    await publisher.publish(REQUESTS, queue, b"one", make_properties(), cc=["panel.gone"])
    assert (await take(amqp_url, queue)).body == b"one"


async def test_each_of_many_at_once_gets_its_own_answer(publisher: Publisher, amqp_url: str, queue: str) -> None:
    async def publish(number: int) -> bool:
        try:
            key = "nowhere" if number % 3 == 0 else queue
            await publisher.publish(REQUESTS, key, str(number).encode(), make_properties())
        except Unroutable:
            return False
        return True

    confirmed = await asyncio.gather(*map(publish, range(300)))
    assert confirmed == [number % 3 != 0 for number in range(300)]
    assert sorted(map(int, await bodies_in(amqp_url, queue))) == [n for n in range(300) if n % 3]


async def test_same_id_at_the_same_time_gets_the_right_answer_each(
    publisher: Publisher, amqp_url: str, queue: str
) -> None:
    keys = [queue if number % 2 else "nowhere" for number in range(40)]
    outcomes = await asyncio.gather(
        *(publisher.publish(REQUESTS, key, b"x", make_properties("same")) for key in keys), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None) if key == queue else Unroutable for key in keys]
    assert len(await bodies_in(amqp_url, queue)) == 20


async def test_full_queue_is_unconfirmed_and_drains(publisher: Publisher, amqp_url: str) -> None:
    full = await declare_queue(amqp_url, f"full.{uuid4()}", {"x-max-length": 2, "x-overflow": "reject-publish"})

    async def refused() -> type[Exception] | None:
        try:
            await publisher.publish(REQUESTS, full, b"", make_properties())
        except Unconfirmed as error:
            return type(error)
        return None

    answers = [await refused() for _ in range(20)]  # the limit of a quorum queue is not exact
    assert answers[0] is None
    assert answers[-1] is Unconfirmed
    assert set(answers) == {None, Unconfirmed}
    await bodies_in(amqp_url, full)

    async def accepted() -> bool:
        return await refused() is None

    await eventually(accepted)


async def test_exchange_that_is_not_there_is_unconfirmed_and_costs_a_new_connection(
    publisher: Publisher, queue: str
) -> None:
    with within(3), pytest.raises(Unconfirmed):
        await publisher.publish("proactive.nothing", "key", b"", make_properties())
    await publisher.publish(REQUESTS, queue, b"", make_properties())


async def test_without_a_broker_nothing_is_published_and_the_answer_is_in_time() -> None:
    async with Publisher("amqp://guest:guest@127.0.0.1:1/", "tests") as publisher:
        assert not publisher.connected
        assert await publisher.check() == "no connection to the broker"
        with within(1), pytest.raises(NotPublished):
            await publisher.publish(REQUESTS, "key", b"", make_properties(), timeout=0.3)


async def test_waiting_behind_the_same_id_counts_against_the_timeout() -> None:
    async with Publisher("amqp://guest:guest@127.0.0.1:1/", "tests") as publisher:
        first = asyncio.ensure_future(publisher.publish(REQUESTS, "key", b"", make_properties("a"), timeout=1))
        await asyncio.sleep(0)
        with within(0.6), pytest.raises(Unconfirmed):
            await publisher.publish(REQUESTS, "key", b"", make_properties("a"), timeout=0.3)
        with pytest.raises(NotPublished):
            await first


async def test_cut_connection_loses_nothing_that_was_confirmed(
    publisher: Publisher, broker: Broker, amqp_url: str, queue: str
) -> None:
    confirmed: list[int] = []

    async def publish(number: int) -> None:
        try:
            await publisher.publish(REQUESTS, queue, str(number).encode(), make_properties(), timeout=10)
        except Unconfirmed:
            return
        confirmed.append(number)

    async def keep_publishing() -> None:
        for start in range(0, 3_000, 50):
            await asyncio.gather(*(publish(number) for number in range(start, start + 50)))
            await asyncio.sleep(0.02)

    publishing = asyncio.ensure_future(keep_publishing())
    await asyncio.sleep(0.2)
    await control(broker, "close_all_connections", "-p", vhost_of(amqp_url), "test")
    await publishing
    assert max(confirmed) > 2_900, "it came back"
    assert set(confirmed) <= set(map(int, await bodies_in(amqp_url, queue)))


async def test_event_goes_to_its_address(publisher: Publisher, amqp_url: str) -> None:
    await declared.apply(amqp_url, topology())
    event = example("send_requested.v1.json")
    assert isinstance(event.data, SendRequested)
    panel = await declare_queue(amqp_url, f"panel.{uuid4()}")
    await publisher.send(event, lane=Lane.BULK, result_route=panel)
    for name in (send_queue(Channel.SMS, Lane.BULK), panel):
        message = await take(amqp_url, name)
        assert decode(message.body) == event
        assert message.message_id == str(event.id)


async def test_only_a_status_may_reach_nobody(publisher: Publisher, amqp_url: str) -> None:
    await declared.apply(amqp_url, topology())
    status = example("message_status_changed.v1.json")
    assert isinstance(status.data, MessageStatusChanged)
    await publisher.send(status)
    result = example("send_accepted.v1.json")
    async with side_channel(amqp_url) as channel:
        await (await channel.get_queue(HISTORY_QUEUE)).unbind(EVENTS, "delivery.#")
    with pytest.raises(Unroutable):
        await publisher.send(result)


async def test_many_events_get_an_answer_each(publisher: Publisher, amqp_url: str) -> None:
    await declared.apply(amqp_url, topology())
    result = example("send_accepted.v1.json")
    results = [result.model_copy(update={"id": uuid4()}) for _ in range(50)]
    ends = await publisher.send_all([(one, encode(one)) for one in results])
    assert ends == [None] * 50
    assert {one.id for one in results} <= {decode(body).id for body in await bodies_in(amqp_url, HISTORY_QUEUE)}
    async with side_channel(amqp_url) as channel:
        await (await channel.get_queue(HISTORY_QUEUE)).unbind(EVENTS, "delivery.#")
    status, unknown = example("message_status_changed.v1.json"), result.model_copy(update={"data": None})
    mixed = [results[0], status, unknown, results[0], status]  # of one id there is one at a time
    ends = await publisher.send_all([(one, b"{}") for one in mixed])
    assert [type(end) for end in ends] == [Unroutable, type(None), type(ends[2]), Unroutable, type(None)]
    assert ends[2] is not None
    assert not isinstance(ends[2], PublishFailed)


async def test_many_events_without_a_broker_or_its_answer_are_told_in_time(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = example("message_status_changed.v1.json")
    async with Publisher("amqp://guest:guest@127.0.0.1:1/", "tests") as nowhere:
        with within(1):
            ends = await nowhere.send_all([(status, b"{}")] * 3, timeout=0.3)
    assert [type(end) for end in ends] == [NotPublished] * 3
    monkeypatch.setattr(Wire, "publish", lambda *_, **__: None)
    others = [status.model_copy(update={"id": uuid4()}) for _ in range(3)]
    with within(1):
        ends = await publisher.send_all([(one, b"{}") for one in (*others, others[0])], timeout=0.3)
    assert [type(end) for end in ends] == [Unconfirmed] * 4


async def test_memory_alarm_is_unconfirmed_in_time_and_passes(
    publisher: Publisher, broker: Broker, amqp_url: str, queue: str
) -> None:
    await control(broker, "set_vm_memory_high_watermark", "0.0001")
    try:
        await asyncio.sleep(1)  # the alarm is checked now and then
        with within(2), pytest.raises(Unconfirmed) as refused:
            await publisher.publish(REQUESTS, queue, b"blocked", make_properties("m"), timeout=1)
        assert not isinstance(refused.value, NotPublished)
        cancelled = asyncio.ensure_future(publisher.publish(REQUESTS, queue, b"cancelled", make_properties("c")))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    finally:
        await control(broker, "set_vm_memory_high_watermark", "0.4")
    await publisher.publish(REQUESTS, queue, b"after", make_properties("m"), timeout=10)
    found = await bodies_in(amqp_url, queue)
    assert b"after" in found
    assert set(found) <= {b"blocked", b"cancelled", b"after"}


async def test_stopped_broker_is_unconfirmed_in_time_and_works_again_afterwards(
    publisher: Publisher, broker: Broker, amqp_url: str, queue: str
) -> None:
    await publisher.publish(REQUESTS, queue, b"before", make_properties())
    await asyncio.to_thread(broker.stop)
    try:
        with within(2), pytest.raises(Unconfirmed):
            await publisher.publish(REQUESTS, queue, b"lost", make_properties(), timeout=1)
        await eventually(lambda: not publisher.connected)
        with within(2), pytest.raises(NotPublished):
            await publisher.publish(REQUESTS, queue, b"lost", make_properties(), timeout=1)
    finally:
        await asyncio.to_thread(broker.start)
    await publisher.publish(REQUESTS, queue, b"after", make_properties(), timeout=15)
    assert (await bodies_in(amqp_url, queue)) == [b"before", b"after"]


async def test_killed_broker_keeps_what_was_confirmed(
    publisher: Publisher, broker: Broker, amqp_url: str, queue: str
) -> None:
    # RabbitMQ 3.10 writes down after five seconds that a quorum queue exists; killed before, it never serves it again.
    await asyncio.sleep(6)
    confirmed: list[int] = []

    async def keep_publishing() -> None:
        for number in range(100_000):
            try:
                await publisher.publish(REQUESTS, queue, str(number).encode(), make_properties(), timeout=1)
            except Unconfirmed:
                return
            confirmed.append(number)

    publishing = asyncio.ensure_future(keep_publishing())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(broker.kill)
    try:
        await publishing
    finally:
        await asyncio.to_thread(broker.start)
    assert len(confirmed) > 10
    await publisher.publish(REQUESTS, queue, b"-1", make_properties(), timeout=15)
    assert set(confirmed) <= set(map(int, await bodies_in(amqp_url, queue)))
