"""The database's time, which all replicas share, without asking the database each time."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Self

from runtime.logs import get_logger
from runtime.postgres import TROUBLE, Pool, insist

MEASURE_SECONDS = 60.0

log = get_logger()


class DatabaseClock:
    """
    What the database's clock shows, as of its last look, carried on by this machine's monotonic clock.

    A machine whose own clock is wrong judges an event's times as its neighbours do.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._at: datetime | None = None
        self._measured = 0.0
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Wait for the first look."""
        await insist(self._measure, "clock")
        self._keeping = asyncio.create_task(self._keep(), name="database_clock")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    def now(self) -> datetime:
        """The database's present time, in UTC."""
        assert self._at is not None, "the clock is entered before it is read"
        return self._at + timedelta(seconds=time.monotonic() - self._measured)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            try:
                await self._measure()
            except TROUBLE as error:
                log.info("clock_not_measured", error=type(error).__name__)

    async def _measure(self) -> None:
        began = time.monotonic()
        at: datetime = await self._pool.fetchval("SELECT clock_timestamp()")
        self._at, self._measured = at, (began + time.monotonic()) / 2
