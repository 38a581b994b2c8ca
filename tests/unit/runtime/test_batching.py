"""Nothing is lost between a caller and its batch, and no caller gets another's result."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.batching import Batcher


class Recorder:
    """A flush that doubles numbers and remembers its batches; it waits while `held`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def flush(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.open.wait()
        return [item * 2 for item in items]


async def test_single_item_is_flushed_at_once() -> None:
    recorder = Recorder()
    assert await Batcher(recorder.flush).add(21) == 42
    assert recorder.batches == [[21]]


async def test_what_queued_up_meanwhile_is_the_next_batch_in_order() -> None:
    recorder = Recorder()
    recorder.open.clear()
    batcher = Batcher(recorder.flush, max_batch=3)
    callers = [asyncio.ensure_future(batcher.add(number)) for number in range(8)]
    await asyncio.sleep(0.01)
    recorder.open.set()
    assert await asyncio.gather(*callers) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert [number for batch in recorder.batches for number in batch] == list(range(8))
    assert max(map(len, recorder.batches)) == 3


async def test_batcher_is_usable_again_after_being_idle() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.flush)
    for number in range(3):
        assert await batcher.add(number) == number * 2
        await asyncio.sleep(0)
    assert recorder.batches == [[0], [1], [2]]


async def test_error_is_seen_by_the_callers_of_its_batch_only() -> None:
    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        if 1 in items:
            raise ValueError("a bad one")
        return items

    batcher = Batcher(flush, max_batch=2)
    outcomes = await asyncio.gather(*(batcher.add(number) for number in range(6)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError, int, int, int, int]
    assert await batcher.add(7) == 7


async def test_bad_item_does_not_fail_its_batch_where_only_shared_errors_do() -> None:
    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        if 1 in items:
            raise ValueError("a bad one")
        return items

    batcher = Batcher(flush, max_batch=4, shared=(OSError,))
    outcomes = await asyncio.gather(*(batcher.add(number) for number in range(6)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, ValueError, int, int, int, int]


async def test_shared_error_fails_the_whole_batch_and_is_not_repeated() -> None:
    calls: list[int] = []

    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        calls.append(len(items))
        raise ConnectionError("away")

    batcher = Batcher(flush, shared=(OSError,))
    outcomes = await asyncio.gather(*(batcher.add(number) for number in range(3)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ConnectionError}
    assert calls == [3]


@pytest.mark.parametrize("extra", [-1, 1])
async def test_wrong_number_of_results_is_an_error_for_all_of_the_batch(extra: int) -> None:
    async def flush(items: list[int]) -> list[int]:
        return [0] * (len(items) + extra)

    with pytest.raises(ValueError):
        await Batcher(flush).add(1)


async def test_cancelled_caller_does_not_take_its_item_back_or_harm_others() -> None:
    recorder = Recorder()
    recorder.open.clear()
    batcher = Batcher(recorder.flush)
    first, second = (asyncio.ensure_future(batcher.add(number)) for number in (1, 2))
    await asyncio.sleep(0.01)
    first.cancel()
    second.cancel()
    third = asyncio.ensure_future(batcher.add(3))
    await asyncio.sleep(0)
    recorder.open.set()
    assert await third == 6
    assert sorted(number for batch in recorder.batches for number in batch) == [1, 2, 3]
    assert first.cancelled()
    assert second.cancelled()


async def test_cancelled_flush_leaves_nobody_waiting() -> None:
    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        raise asyncio.CancelledError

    batcher = Batcher(flush, max_batch=1)
    callers = [asyncio.ensure_future(batcher.add(number)) for number in range(3)]
    async with asyncio.timeout(2):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5))
async def test_every_item_comes_back_once_whatever_the_timing(pauses: list[int], max_batch: int) -> None:
    seen: list[int] = []

    async def flush(items: list[int]) -> list[int]:
        assert 0 < len(items) <= max_batch
        await asyncio.sleep(0)
        seen.extend(items)
        return items

    batcher = Batcher(flush, max_batch)

    async def call(number: int, pause: int) -> int:
        for _ in range(pause):
            await asyncio.sleep(0)
        return await batcher.add(number)

    results = await asyncio.gather(*(call(number, pause) for number, pause in enumerate(pauses)))
    assert results == list(range(len(pauses)))
    assert sorted(seen) == results


@pytest.mark.parametrize(("collects", "each"), [(True, range(8, 100)), (False, range(1, 4))])
async def test_busy_batcher_collects_where_it_may(collects: bool, each: range) -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.flush, collects=collects)
    callers = []
    for number in range(500):
        callers.append(asyncio.ensure_future(batcher.add(number)))
        await asyncio.sleep(0.001)
    await asyncio.gather(*callers)
    sizes = sorted(map(len, recorder.batches[-10:]))
    assert sizes[len(sizes) // 2] in each


async def test_batcher_that_was_idle_does_not_go_on_pausing() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.flush, collects=True)
    for _ in range(300):
        callers = [asyncio.ensure_future(batcher.add(0)), asyncio.ensure_future(batcher.add(0))]
        await asyncio.sleep(0.001)
    await asyncio.gather(*callers)
    collected = len(recorder.batches)
    await asyncio.sleep(0.1)
    for _ in range(5):
        await batcher.add(0)
        began = asyncio.get_running_loop().time()
        await batcher.add(0)
        assert asyncio.get_running_loop().time() - began < 0.02
    assert max(map(len, recorder.batches[:collected])) > 8


async def test_batcher_with_little_to_do_never_pauses() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.flush, collects=True)
    for number in range(20):
        await asyncio.gather(batcher.add(number), batcher.add(number))
        await asyncio.sleep(0.02)
    assert max(map(len, recorder.batches)) == 2
