"""A process ends in good order: by a signal, by itself, or by a failure; what it opened is closed in reverse."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from runtime.lifecycle import Stopping, run

EVENTS: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_happened() -> None:
    EVENTS.clear()


@asynccontextmanager
async def resource(name: str) -> AsyncIterator[None]:
    EVENTS.append(f"{name} opened")
    try:
        yield
    finally:
        EVENTS.append(f"{name} closed")


def signal_soon(number: signal.Signals = signal.SIGTERM, seconds: float = 0.05) -> None:
    asyncio.get_running_loop().call_later(seconds, os.kill, os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_cleanly_in_reverse_order(number: signal.Signals) -> None:
    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(resource("pool"))
        await stack.enter_async_context(resource("server"))
        signal_soon(number)
        await stopping.wait()
        EVENTS.append("asked to stop")

    assert run(main) == 0
    assert EVENTS == ["pool opened", "server opened", "asked to stop", "server closed", "pool closed"]


def test_signal_during_the_start_does_not_wait_for_it() -> None:
    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(resource("pool"))
        signal_soon()
        await asyncio.sleep(3_600)

    assert run(main) == 0
    assert EVENTS == ["pool opened", "pool closed"]


def test_signal_while_a_resource_opens_leaves_it_closed() -> None:
    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        async with resource("slow"):
            await asyncio.sleep(3_600)
            yield

    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        signal_soon()
        await stack.enter_async_context(slow())

    assert run(main) == 0
    assert EVENTS == ["slow opened", "slow closed"]


def test_main_that_ends_by_itself_is_a_clean_stop() -> None:
    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(resource("pool"))

    assert run(main) == 0
    assert EVENTS == ["pool opened", "pool closed"]


def test_part_that_gives_up_stops_the_process() -> None:
    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        asyncio.get_running_loop().call_soon(stopping.request)
        await stopping.wait()

    assert run(main) == 0


def test_failure_is_exit_code_1_and_closes_what_was_opened() -> None:
    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(resource("pool"))
        raise RuntimeError("no such table")

    assert run(main) == 1
    assert EVENTS == ["pool opened", "pool closed"]


def test_failure_while_closing_is_exit_code_1() -> None:
    @asynccontextmanager
    async def failing() -> AsyncIterator[None]:
        yield
        raise RuntimeError("could not flush")

    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(resource("pool"))
        await stack.enter_async_context(failing())

    assert run(main) == 1
    assert EVENTS == ["pool opened", "pool closed"]


def test_second_signal_does_not_cut_the_closing_short() -> None:
    @asynccontextmanager
    async def draining() -> AsyncIterator[None]:
        yield
        signal_soon(seconds=0)
        await asyncio.sleep(0.05)
        EVENTS.append("drained")

    async def main(stack: AsyncExitStack, stopping: Stopping) -> None:
        await stack.enter_async_context(draining())
        signal_soon()
        await stopping.wait()

    assert run(main) == 0
    assert EVENTS == ["drained"]
