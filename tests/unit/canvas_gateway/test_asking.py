"""A publish goes on after the agent's patience: what was not confirmed is published again until its time is over."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from canvas_gateway.domain.outcome import Published, Submission
from canvas_gateway.handlers import asking as module
from canvas_gateway.handlers.asking import Asking
from canvas_gateway.results import ArrivingResults
from proactive_contracts.envelope import Event
from runtime import clock
from tests.unit.canvas_gateway.builders import make_request


class ScriptedBus:
    """Says one thing after another, the last one for ever."""

    connected = True

    def __init__(self, *says: Published) -> None:
        self.says = list(says)
        self.published: list[UUID] = []

    async def publish(self, request: Event[Any], seconds: float) -> Published:
        self.published.append(request.id)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.01)


async def ask(bus: ScriptedBus, seconds_left: float = 60) -> Asking:
    asking = Asking(bus, ArrivingResults(uuid4()))
    now = clock.now()
    request = make_request(not_after=now + timedelta(seconds=seconds_left))
    await asking.ask(Submission(request=request, asked_at=now), 0.01)
    return asking


@pytest.mark.parametrize("first", [Published.UNCONFIRMED, Published.NOT_PUBLISHED])
async def test_what_was_not_confirmed_is_published_again_by_itself(first: Published) -> None:
    bus = ScriptedBus(first, first, Published.CONFIRMED)
    await ask(bus)
    await asyncio.sleep(0.2)
    assert len(bus.published) == 3
    assert len(set(bus.published)) == 1


@pytest.mark.parametrize(("says", "seconds_left"), [(Published.UNROUTABLE, 60), (Published.NOT_PUBLISHED, -1)])
async def test_what_came_back_or_is_too_late_is_left_alone(says: Published, seconds_left: float) -> None:
    bus = ScriptedBus(says)
    await ask(bus, seconds_left)
    await asyncio.sleep(0.1)
    assert len(bus.published) == 1


async def test_stop_ends_what_is_published_again() -> None:
    bus = ScriptedBus(Published.NOT_PUBLISHED)
    asking = await ask(bus)
    async with asyncio.timeout(1):
        await asking.drain()
    so_far = len(bus.published)
    await asyncio.sleep(0.1)
    assert len(bus.published) == so_far
