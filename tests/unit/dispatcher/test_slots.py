"""The bulkhead: what one channel may occupy of a worker."""

import asyncio
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.slots import Slots
from proactive_contracts.values import Lane

A, B = uuid4(), uuid4()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def filled(slots: Slots, channel_id: UUID, lane: Lane) -> int:
    """Occupy as much as there is room for."""
    count = 0
    while slots.room_of(channel_id, lane):
        slots.occupy(channel_id, lane)
        count += 1
    return count


def test_one_channel_never_fills_a_worker() -> None:
    slots = Slots(40)
    assert filled(slots, A, Lane.BULK) == 22
    assert filled(slots, A, Lane.INTERACTIVE) == 8
    assert slots.free == 10


def test_newcomer_finds_room_and_the_shares_become_even() -> None:
    clock = Clock()
    slots = Slots(40, clock)
    filled(slots, A, Lane.INTERACTIVE)
    assert filled(slots, B, Lane.INTERACTIVE) == 10
    for _ in range(30):
        slots.leave(A, Lane.INTERACTIVE)
    assert slots.room_of(A, Lane.INTERACTIVE) == 15
    assert slots.room_of(B, Lane.INTERACTIVE) == 5


def test_channel_that_was_quiet_for_a_minute_has_no_share() -> None:
    clock = Clock()
    slots = Slots(40, clock)
    slots.occupy(B, Lane.BULK)
    slots.leave(B, Lane.BULK)
    assert slots.room_of(A, Lane.INTERACTIVE) == 15
    clock.now += 61
    assert slots.room_of(A, Lane.INTERACTIVE) == 30


def test_agents_find_room_beside_a_campaign_in_the_smallest_worker() -> None:
    slots = Slots(2)
    assert filled(slots, A, Lane.BULK) == 1
    assert slots.room_of(A, Lane.INTERACTIVE) == 1


async def test_slot_of_a_fast_channel_is_waited_for() -> None:
    slots = Slots(2)
    slots.occupy(A, Lane.BULK)
    waiting = asyncio.create_task(slots.take(A, Lane.BULK))
    await asyncio.sleep(0)
    slots.leave(A, Lane.BULK)
    assert await waiting


async def test_slot_of_a_slow_channel_is_not() -> None:
    clock = Clock()
    slots = Slots(2, clock)
    slots.occupy(A, Lane.BULK)
    clock.now += 1
    async with asyncio.timeout(0.05):
        assert not await slots.take(A, Lane.BULK)


async def test_patience_is_short() -> None:
    slots = Slots(2)
    slots.occupy(A, Lane.BULK)
    async with asyncio.timeout(1):
        assert not await slots.take(A, Lane.BULK)
    slots.leave(A, Lane.BULK)
    assert await slots.take(A, Lane.BULK)


async def test_who_gave_up_is_not_handed_a_slot() -> None:
    slots = Slots(2)
    slots.occupy(A, Lane.BULK)
    waiting = asyncio.create_task(slots.take(A, Lane.BULK))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    slots.leave(A, Lane.BULK)
    assert slots.free == 2


async def test_who_gives_up_at_the_moment_a_slot_comes_free_leaves_it_to_the_next() -> None:
    slots = Slots(2)
    slots.occupy(A, Lane.BULK)
    gives_up = asyncio.create_task(slots.take(A, Lane.BULK))
    waits = asyncio.create_task(slots.take(A, Lane.BULK))
    await asyncio.sleep(0)
    gives_up.cancel()  # cancels what it waits for at once; the task itself runs later
    slots.leave(A, Lane.BULK)
    assert await waits


@given(st.data(), st.integers(1, 60))
def test_slots_add_up(data: st.DataObject, total: int) -> None:
    clock = Clock()
    slots, channels = Slots(total, clock), [uuid4() for _ in range(5)]
    held: list[tuple[UUID, Lane]] = []
    for _ in range(data.draw(st.integers(0, 60))):
        clock.now += data.draw(st.sampled_from([0, 0.01, 5, 70]))
        channel_id, lane = data.draw(st.sampled_from(channels)), data.draw(st.sampled_from(list(Lane)))
        leaves: bool = data.draw(st.booleans())
        if held and leaves:
            slots.leave(*held.pop(data.draw(st.integers(0, 99)) % len(held)))
        elif slots.room_of(channel_id, lane):
            slots.occupy(channel_id, lane)
            held.append((channel_id, lane))
        assert slots.free == total - len(held) >= 0
        most = max(sum(one == other for one, _ in held) for other in channels)
        assert total < 4 or most <= total * 3 // 4 + 1
