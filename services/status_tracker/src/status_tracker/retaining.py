"""Texts and numbers go when their time is over: now and then, some at a time."""

import asyncio

import directory.retention
from runtime.logs import get_logger
from status_tracker.loop import Loop
from status_tracker.storage import retention
from status_tracker.storage.database import Pool

PAUSE_SECONDS = 0.2
"""Between two batches: recording goes first."""

log = get_logger()


class Retaining(Loop):
    """Any number of them may run."""

    def __init__(self, pool: Pool, *, poll_seconds: float) -> None:
        super().__init__("retention", self.turn, poll_seconds=poll_seconds)
        self._pool = pool

    async def turn(self) -> bool:
        """Remove a batch for each workspace; True where more is to go."""
        more = False
        for kept in await directory.retention.kept(self._pool, "tracker.message"):
            texts, rest, full = await retention.remove(self._pool, kept)
            more |= full
            if texts or rest:
                log.info("kept_long_enough", workspace_id=kept.workspace_id, texts=texts, rest=rest)
        if more:
            await asyncio.sleep(PAUSE_SECONDS)
        return more
