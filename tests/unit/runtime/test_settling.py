"""Acknowledgements in one go, in any order: each delivery is told once, and never one that is still in hand."""

import asyncio
from typing import Any

import aiormq
from hypothesis import given
from hypothesis import strategies as st

from runtime.amqp.settling import Settling


class Broker:
    """What a broker has handed out; like a real one it does not know what was settled before."""

    def __init__(self, count: int, *, away: bool = False) -> None:
        self.unsettled = set(range(1, count + 1))
        self.acked: set[int] = set()
        self.returned: set[int] = set()
        self.told = 0
        self._away = away

    async def basic_ack(self, tag: int, multiple: bool = False, **_: Any) -> None:
        await self._hear(tag)
        acked = {one for one in self.unsettled if one <= tag} if multiple else {tag}
        self.acked |= acked
        self.unsettled -= acked

    async def basic_reject(self, tag: int, **_: Any) -> None:
        await self._hear(tag)
        self.returned.add(tag)
        self.unsettled.discard(tag)

    async def _hear(self, tag: int) -> None:
        if self._away:
            raise aiormq.exceptions.ChannelInvalidStateError("closed")
        self.told += 1
        await asyncio.sleep(0)
        assert tag in self.unsettled, "406: unknown delivery tag"


def settling(broker: Broker, count: int) -> Settling:
    made = Settling(broker)  # type: ignore[arg-type]
    for tag in range(1, count + 1):
        made.take(tag)
    return made


async def test_what_ends_together_is_told_in_one_go() -> None:
    broker = Broker(5)
    made = settling(broker, 5)
    for tag in (2, 1, 3):
        made.settle(tag, acked=True)
    await made.settled()
    assert (broker.acked, broker.unsettled, broker.told) == ({1, 2, 3}, {4, 5}, 1)


async def test_nothing_waits_for_an_earlier_one_that_takes_long() -> None:
    broker = Broker(3)
    made = settling(broker, 3)
    made.settle(2, acked=True)
    made.settle(3, acked=False)
    await made.settled()
    assert (broker.acked, broker.returned, broker.unsettled) == ({2}, {3}, {1})
    made.settle(1, acked=True)
    await made.settled()
    assert (broker.acked, broker.returned, broker.unsettled) == ({1, 2}, {3}, set())


@given(st.data())
async def test_each_is_told_once_whatever_the_order_and_the_timing(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    acked = data.draw(st.sets(st.integers(1, count)))
    broker = Broker(count)
    made = settling(broker, count)
    order = data.draw(st.permutations(range(1, count + 1)))
    held = order.pop() if data.draw(st.booleans()) else None
    for tag in order:
        made.settle(tag, acked=tag in acked)
        for _ in range(data.draw(st.integers(0, 3))):
            await asyncio.sleep(0)
    await made.settled()
    assert broker.acked == acked - {held}
    assert broker.returned == set(order) - acked
    assert broker.unsettled == ({held} if held else set())


async def test_lost_channel_is_nobodys_error() -> None:
    made = settling(Broker(1, away=True), 1)
    made.settle(1, acked=True)
    await made.settled()
