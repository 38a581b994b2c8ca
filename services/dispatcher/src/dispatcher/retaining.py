"""Texts and numbers go when their time is over: now and then, some at a time."""

import asyncio
from typing import Self

from dispatcher.storage.retention import BATCH, Retention
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED

PAUSE_SECONDS = 0.2
"""Between two batches: sending goes first."""

log = get_logger()


class Retaining:
    """A loop while its context lasts; looks every `seconds`."""

    def __init__(self, retention: Retention, seconds: float) -> None:
        self._retention = retention
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="retention")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()  # a batch is one statement: it is done, or it is not
            await asyncio.gather(self._task, return_exceptions=True)

    async def turn(self) -> None:
        """Remove everything whose time is over."""
        for kept in await self._retention.kept():
            texts = rest = 0
            while True:
                batch = await self._retention.remove(kept)
                texts, rest = texts + batch[0], rest + batch[1]
                if max(batch) < BATCH:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
            if texts or rest:
                log.info("kept_long_enough", workspace_id=kept.workspace_id, texts=texts, rest=rest)

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except (*TROUBLE, *UNPREPARED) as error:
                log.warning("retention_put_off", error=type(error).__name__)
            except Exception:
                log.exception("retention_failed")
            await asyncio.sleep(self._seconds)
