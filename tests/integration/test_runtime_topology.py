"""The topology is declared once, told where it is missing, and never changed behind anybody's back."""

import asyncio
from dataclasses import replace
from urllib.parse import quote

import aio_pika
import pytest

from devstack.backends import Broker
from proactive_contracts.topology import REQUESTS, Binding, Queue, Topology, listener, part_of, topology
from runtime.amqp.topology import TopologyRefused, apply, differences, missing
from tests.integration.runtime_support import put, ready, side_channel, vhost_of

SMALL = Topology(
    exchanges=("proactive.small", "proactive.dead"),
    queues=(Queue("small.work", {"x-queue-type": "quorum", "x-max-length": 5}),),
    bindings=(Binding("small.work", "proactive.small", "send.small"),),
)


@pytest.fixture
def url(broker: Broker, amqp_url: str) -> str:
    """A vhost for each test, with a name that has to be quoted in its address."""
    name = f"{vhost_of(amqp_url)}/each"
    broker.create_vhost(name)
    return f"{amqp_url.rsplit('/', 1)[0]}/{quote(name, safe='')}"


async def test_empty_broker_misses_everything_and_then_nothing(url: str) -> None:
    whole = topology()
    wanted = {f"exchange {name}" for name in whole.exchanges} | {f"queue {queue.name}" for queue in whole.queues}
    assert set(await missing(url, whole)) == wanted
    assert set(await differences(url, whole)) == wanted
    assert set(await apply(url, whole)) == wanted
    assert await missing(url, whole) == []
    assert await differences(url, whole) == []
    assert await apply(url, whole) == []


async def test_looking_declares_nothing(url: str) -> None:
    await missing(url, SMALL)
    await differences(url, SMALL)
    assert len(await missing(url, SMALL)) == 3


async def test_declared_bindings_lead_where_they_say(url: str) -> None:
    await apply(url, SMALL)
    async with side_channel(url) as channel:
        exchange = await channel.get_exchange("proactive.small")
        await exchange.publish(aio_pika.Message(b"x"), "send.small")
    assert await ready(url, "small.work") == 1


async def test_applying_again_keeps_messages_and_mends_what_is_gone(url: str) -> None:
    await apply(url, SMALL)
    await put(url, "small.work", b"kept")
    async with side_channel(url) as channel:
        await channel.exchange_delete("proactive.small")
    assert await missing(url, SMALL) == ["exchange proactive.small"]
    assert await apply(url, SMALL) == ["exchange proactive.small"]
    assert await ready(url, "small.work") == 1
    async with side_channel(url) as channel:
        exchange = await channel.get_exchange("proactive.small")
        await exchange.publish(aio_pika.Message(b"again"), "send.small")
    assert await ready(url, "small.work") == 2


async def test_queue_with_other_properties_is_refused_by_name_and_left_alone(url: str) -> None:
    await apply(url, SMALL)
    other = replace(SMALL, queues=(Queue("small.work", {"x-queue-type": "quorum", "x-max-length": 6}),))
    assert await missing(url, other) == []
    [line] = await differences(url, other)
    assert line.startswith("queue small.work: ")
    assert "x-max-length" in line
    with pytest.raises(TopologyRefused, match=r"queue small\.work: .*x-max-length"):
        await apply(url, other)
    assert await differences(url, SMALL) == []


async def test_exchange_of_another_type_is_refused_by_name(url: str) -> None:
    async with side_channel(url) as channel:
        await channel.declare_exchange("proactive.small", aio_pika.ExchangeType.FANOUT, durable=True)
    [line, *_] = [line for line in await differences(url, SMALL) if "type" in line]
    assert line.startswith("exchange proactive.small: ")
    with pytest.raises(TopologyRefused, match=r"exchange proactive\.small"):
        await apply(url, SMALL)


async def test_listener_before_the_exchanges_are_there_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(
        TopologyRefused, match=r"status\.\*\.\*\.\* on proactive\.events to listener\.cards: .*no exchange"
    ):
        await apply(url, listener("cards"))


async def test_listener_gets_its_queue(url: str) -> None:
    await apply(url, topology())
    assert await apply(url, listener("cards", "sandbox1")) == ["queue listener.cards"]
    assert await differences(url, listener("cards", "sandbox1")) == []


async def test_part_of_a_service_is_all_that_it_needs(url: str) -> None:
    part = part_of(frozenset({"dispatcher.sms.bulk"}))
    await apply(url, Topology(exchanges=(REQUESTS,), queues=()))  # its publishers look for that one
    await apply(url, part)
    assert await missing(url, part) == []
    assert "queue status_tracker.history" in await missing(url, topology())


async def test_two_at_once_do_not_disturb_each_other(url: str) -> None:
    await asyncio.gather(apply(url, topology()), apply(url, topology()))
    assert await differences(url, topology()) == []
