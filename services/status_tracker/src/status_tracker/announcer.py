"""Status events out: each is published until the broker confirms it, in order per workspace, channel and address."""

import asyncio
from enum import Enum, auto

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
PUT_OFF_SECONDS = 600.0
"""How long one is left alone that this release cannot publish: another release, or a mended one, may."""

log = get_logger()


class _End(Enum):
    PUBLISHED = auto()
    UNCONFIRMED = auto()
    IMPOSSIBLE = auto()


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
        ends = await asyncio.gather(*(self._publish(one) for one in claimed))
        await failpoints.reach("tracker.after_publish")
        seqs = {end: [one.seq for one, its in zip(claimed, ends, strict=True) if its is end] for end in _End}
        if told := seqs[_End.PUBLISHED]:
            await outgoing.done(self._pool, told)
        if untold := seqs[_End.UNCONFIRMED]:
            await outgoing.again(self._pool, untold, RETRY_SECONDS)
        if impossible := seqs[_End.IMPOSSIBLE]:
            await outgoing.put_off(self._pool, impossible, PUT_OFF_SECONDS)
        return bool(told or impossible)

    async def _publish(self, one: Outgoing) -> _End:
        if one.event is None:
            metrics.ANNOUNCEMENTS.labels("unreadable").inc()
            return _End.IMPOSSIBLE
        try:
            await self._announce.send(one.event, timeout=PUBLISH_SECONDS)
        except PublishFailed as error:
            outcome = "not_published" if isinstance(error, NotPublished) else "unconfirmed"
            metrics.ANNOUNCEMENTS.labels(outcome).inc()
            log.warning("announcement_delayed", event_id=str(one.event.id), error=type(error).__name__)
            return _End.UNCONFIRMED
        except Exception:  # whatever is wrong with this one, the others go on
            metrics.ANNOUNCEMENTS.labels("failed").inc()
            log.exception("announcement_failed", event_id=str(one.event.id))
            return _End.IMPOSSIBLE
        metrics.ANNOUNCEMENTS.labels("published").inc()
        return _End.PUBLISHED
