"""
What keeps a connection ends when its process is told to stop, also where a cancellation gets lost.

The client swallows a cancellation that meets a channel while that is being closed: cancelled once, a watch or a link
would go on for ever, and the process with it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from proactive_contracts.topology import Topology
from runtime.amqp import connection as connecting
from runtime.amqp import topology as watching
from runtime.amqp.connection import Link
from runtime.amqp.topology import TopologyWatch

NOWHERE = "amqp://127.0.0.1:1/"


class Swallower:
    """A look at the broker that takes the first cancellation for its own affair, as the client does."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.swallowed = 0

    async def look(self, *_: object) -> list[str]:
        self.waits.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            if self.swallowed:
                raise
            self.swallowed += 1
        return []


class NoConnection:
    """What a session is given where no broker is needed."""

    async def close(self) -> None:
        """There is nothing to close."""


def make_watch(swallower: Swallower, monkeypatch: pytest.MonkeyPatch) -> TopologyWatch:
    monkeypatch.setattr(watching, "missing", swallower.look)
    return TopologyWatch(NOWHERE, Topology((), (), ()))


def make_link(swallower: Swallower, monkeypatch: pytest.MonkeyPatch) -> Link:
    async def connect(*_: str) -> NoConnection:
        return NoConnection()

    async def session(connection: object) -> None:
        await swallower.look(connection)
        await asyncio.sleep(3_600)  # the session goes on, as one does whose cancellation was lost

    monkeypatch.setattr(connecting, "connect", connect)
    return Link(NOWHERE, "tests", session)


Make = Callable[[Swallower, pytest.MonkeyPatch], AbstractAsyncContextManager[Any]]


async def test_stop_outlasts_a_swallowed_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def enter_and_leave(make: Make) -> int:
        swallower = Swallower()
        async with make(swallower, monkeypatch):
            await swallower.waits.wait()
        return swallower.swallowed

    async with asyncio.timeout(10):
        swallowed = await asyncio.gather(enter_and_leave(make_watch), enter_and_leave(make_link))
    assert list(swallowed) == [1, 1]
