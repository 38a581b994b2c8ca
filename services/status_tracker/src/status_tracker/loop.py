"""A loop that turns when it is woken, and now and then by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from runtime.logs import get_logger
from runtime.postgres import TROUBLE

LONGEST_PAUSE = 10.0

log = get_logger()


class Loop:
    """
    Runs `turn` again at once while it returns True, else when woken or after `poll_seconds`.

    A turn that fails is logged and tried again with growing pauses. Leaving the context lets the turn that is under
    way end first, for at most `drain_seconds`.
    """

    def __init__(
        self, name: str, turn: Callable[[], Awaitable[bool]], *, poll_seconds: float, drain_seconds: float = 20
    ) -> None:
        self._name = name
        self._turn = turn
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        self._woken.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._drain_seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def _run(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                more = await self._turn()
                pause = 0.1
            except Exception as error:
                self._tell(error)
                await self._stopped_within(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if not more and not self._stopping.is_set():
                await self._rest()

    def _tell(self, error: Exception) -> None:
        if isinstance(error, TROUBLE):
            log.warning("turn_failed", loop=self._name, error=type(error).__name__, detail=str(error)[:300])
        else:
            log.error("turn_failed", loop=self._name, exc_info=error)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _stopped_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
