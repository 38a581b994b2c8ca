"""The loop that turns when it is woken."""

import asyncio

from status_tracker.loop import Loop


class Counting(Loop):
    def __init__(self, answers: list[bool | Exception], poll_seconds: float = 60) -> None:
        super().__init__("counting", self.turn, poll_seconds=poll_seconds)
        self.answers = answers
        self.turns = 0
        self.idle = asyncio.Event()

    async def turn(self) -> bool:
        self.turns += 1
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        if not self.answers:
            self.idle.set()
        return answer


async def test_turns_on_while_there_is_more_and_then_waits() -> None:
    async with Counting([True, True, False]) as loop:
        await loop.idle.wait()
        await asyncio.sleep(0)
        assert loop.turns == 3


async def test_turns_again_when_woken() -> None:
    async with Counting([False]) as loop:
        await loop.idle.wait()
        loop.idle.clear()
        loop.wake()
        await asyncio.wait_for(loop.idle.wait(), 1)
        assert loop.turns == 2


async def test_failed_turn_is_tried_again() -> None:
    async with Counting([OSError("gone"), False]) as loop:
        await asyncio.wait_for(loop.idle.wait(), 2)
        assert loop.turns == 2


async def test_leaving_waits_for_the_turn_under_way() -> None:
    ended = []

    async def slow() -> bool:
        await asyncio.sleep(0.05)
        ended.append(True)
        return False

    async with Loop("slow", slow, poll_seconds=60):
        await asyncio.sleep(0)
    assert ended == [True]
