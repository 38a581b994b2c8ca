"""What was just read is remembered, for a while and not without bounds."""

from directory import recent
from directory.recent import Recent


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Source:
    def __init__(self) -> None:
        self.asked: list[int] = []

    async def load(self, key: int) -> str | None:
        self.asked.append(key)
        return None if key == 0 else f"value {len(self.asked)}"


async def test_value_is_remembered_until_its_time_is_over() -> None:
    clock, source = Clock(), Source()
    remembered: Recent[int, str | None] = Recent(seconds=5, clock=clock)

    assert await remembered.get(1, source.load) == "value 1"
    clock.seconds += 4.9
    assert await remembered.get(1, source.load) == "value 1"
    clock.seconds += 0.2
    assert await remembered.get(1, source.load) == "value 2"


async def test_absence_is_remembered() -> None:
    source = Source()
    remembered: Recent[int, str | None] = Recent(clock=Clock())

    assert await remembered.get(0, source.load) is None
    assert await remembered.get(0, source.load) is None
    assert source.asked == [0]


async def test_forgetting_reads_anew() -> None:
    source = Source()
    remembered: Recent[int, str | None] = Recent(clock=Clock())
    await remembered.get(1, source.load)

    remembered.forget()

    assert await remembered.get(1, source.load) == "value 2"


async def test_oldest_goes_when_there_are_too_many() -> None:
    source = Source()
    remembered: Recent[int, str | None] = Recent(clock=Clock())
    for key in range(recent.MOST + 1):
        await remembered.get(key, source.load)

    await remembered.get(recent.MOST, source.load)
    assert len(source.asked) == recent.MOST + 1
    await remembered.get(0, source.load)
    assert len(source.asked) == recent.MOST + 2
