"""Status events out: each is published until the broker confirms it, in order per workspace, channel and address."""

import asyncio

from runtime import failpoints
from runtime.amqp.publisher import NotPublished, PublishFailed
from runtime.logs import get_logger
from status_tracker import metrics
from status_tracker.loop import Loop
from status_tracker.ports import Announce
from status_tracker.storage import outgoing
from status_tracker.storage.database import Pool
from status_tracker.storage.outgoing import Outgoing

PUBLISH_SECONDS = 5.0
LEASE_SECONDS = 30.0
"""Longer than a publish may take, so that order holds while somebody publishes."""

BATCH = 100
RETRY_SECONDS = 1.0

log = get_logger()


class Announcer(Loop):
    """Any number of them may run: an event that two publish has one id."""

    def __init__(self, pool: Pool, announce: Announce, *, poll_seconds: float = 0.5) -> None:
        super().__init__("announcer", self.turn, poll_seconds=poll_seconds)
        self._pool = pool
        self._announce = announce

    async def turn(self) -> bool:
        """Publish what is first in line; True where more may wait."""
        claimed = await outgoing.claim(self._pool, BATCH, LEASE_SECONDS)
        if not claimed:
            return False
        confirmed = await asyncio.gather(*(self._publish(one) for one in claimed))
        await failpoints.reach("tracker.after_publish")
        told = [one.seq for one, fine in zip(claimed, confirmed, strict=True) if fine]
        untold = [one.seq for one, fine in zip(claimed, confirmed, strict=True) if not fine]
        if told:
            await outgoing.done(self._pool, told)
        if untold:
            await outgoing.again(self._pool, untold, RETRY_SECONDS)
        return bool(told)

    async def _publish(self, one: Outgoing) -> bool:
        try:
            await self._announce.send(one.event, timeout=PUBLISH_SECONDS)
        except PublishFailed as error:
            outcome = "not_published" if isinstance(error, NotPublished) else "unconfirmed"
            metrics.ANNOUNCEMENTS.labels(outcome).inc()
            log.warning("announcement_delayed", event_id=str(one.event.id), error=type(error).__name__)
            return False
        metrics.ANNOUNCEMENTS.labels("published").inc()
        return True
