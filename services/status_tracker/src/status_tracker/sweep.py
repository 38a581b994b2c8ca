"""What no dispatcher took in time is shown as such, and alerts: a message must never stay silently in a queue."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from runtime import clock
from runtime.logs import get_logger
from status_tracker import metrics
from status_tracker.domain.entries import not_taken
from status_tracker.handlers import Fact, Outcome, Recorder
from status_tracker.loop import Loop
from status_tracker.ports import Dispatcher, Taken
from status_tracker.storage import effects, messages, outgoing
from status_tracker.storage.database import Pool
from status_tracker.storage.messages import Untaken

LIMIT = 50
LOOK_AGAIN_SECONDS = 60.0
"""How long a message is left alone that the dispatcher has, or about which it gave no answer."""

log = get_logger()


class Sweep(Loop):
    """
    Judges messages that are still queued when not_after plus a grace is over.

    `read_up_to` tells up to when the history queue was read: a result that waits there must be read first. The
    dispatcher is asked before anything is said.
    """

    def __init__(
        self,
        pool: Pool,
        recorder: Recorder,
        dispatcher: Dispatcher,
        read_up_to: Callable[[], datetime | None],
        *,
        grace_seconds: float,
        poll_seconds: float,
    ) -> None:
        super().__init__("sweep", self.turn, poll_seconds=poll_seconds)
        self._pool = pool
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._read_up_to = read_up_to
        self._grace_seconds = grace_seconds

    async def turn(self) -> bool:
        """Judge some; True where more may be due."""
        await self._measure()
        read_up_to = self._read_up_to()
        if read_up_to is None:
            return False
        found = await messages.untaken(self._pool, read_up_to, self._grace_seconds, LIMIT)
        answers = await asyncio.gather(*(self._dispatcher.has_taken(*late.key) for late in found))
        put_off = []
        for late, answer in zip(found, answers, strict=True):
            metrics.JUDGEMENTS.labels(answer).inc()
            if answer is Taken.NEVER:
                await self._record_finding(late)
            else:
                put_off.append(late.key)
        if put_off:
            await messages.judge_later(self._pool, put_off, LOOK_AGAIN_SECONDS)
        return len(found) == LIMIT

    async def _record_finding(self, late: Untaken) -> None:
        finding = not_taken(late.event_id, late.key, late.channel_id, clock.now())
        outcome = await self._recorder.record(Fact(finding))
        if outcome is Outcome.RECORDED:
            metrics.NOT_TAKEN.inc()
            log.error(
                "message_not_taken",
                workspace_id=late.key[0],
                message_id=str(late.key[1]),
                advice="check the dispatcher's bindings with `proactivectl topology diff`, and that a worker runs",
            )

    async def _measure(self) -> None:
        for what, table in (("status_events", outgoing), ("notes", effects)):
            count, oldest = await table.backlog(self._pool)
            metrics.BACKLOG.labels(what).set(count)
            metrics.OLDEST_SECONDS.labels(what).set(oldest)
