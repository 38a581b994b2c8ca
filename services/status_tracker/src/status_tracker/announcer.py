"""Status events out: each is published until the broker confirms it, in order per workspace, channel and address."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import Enum, auto
from typing import Any

from proactive_contracts.envelope import Event, trace_of
from runtime import failpoints
from runtime.amqp.publisher import NotPublished, PublishFailed
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE
from status_tracker import metrics
from status_tracker.loop import Loop
from status_tracker.ports import Announce
from status_tracker.storage import outgoing
from status_tracker.storage.database import Pool
from status_tracker.storage.outgoing import InLine, Outgoing

PUBLISH_SECONDS = 5.0
LEASE_SECONDS = 10.0
"""Longer than a publish may take, so that order holds while somebody publishes."""

BATCH = 100
RETRY_SECONDS = 1.0
PUT_OFF_SECONDS = 600.0
"""How long one is left alone that this release cannot publish: another release, or a mended one, may."""

_PUBLISHED = metrics.ANNOUNCEMENTS.labels("published")

log = get_logger()


class _End(Enum):
    PUBLISHED = auto()
    UNCONFIRMED = auto()
    IMPOSSIBLE = auto()


class Announcer(Loop):
    """
    Any number of them may run: an event that two publish has one id.

    What this process has just written is published at once, without being read again; the rest in turns.
    """

    def __init__(self, pool: Pool, announce: Announce, *, poll_seconds: float = 0.5) -> None:
        super().__init__("announcer", self.turn, poll_seconds=poll_seconds)
        self._pool = pool
        self._announce = announce
        self._publishing: set[asyncio.Task[None]] = set()
        self._behind = False

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await asyncio.gather(*self._publishing)

    def publish(self, written: InLine) -> None:
        """Publish what is ours for LEASE_SECONDS, and then what came in line behind it."""
        self._behind = self._behind or written.behind
        if written.leased:
            task = asyncio.create_task(self._publish_leased(written))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)
        elif written.behind:
            self.wake()

    async def turn(self) -> bool:
        """Publish what is first in line; True where more may wait."""
        claimed = await outgoing.claim(self._pool, BATCH, LEASE_SECONDS)
        return await self._publish_all(claimed) if claimed else False

    async def _publish_leased(self, written: InLine) -> None:
        try:
            await self._publish_all(written.leased)
        except TROUBLE as error:  # they are told again once the lease is over
            log.warning("announcements_not_closed", error=type(error).__name__, count=len(written.leased))
        except Exception:
            log.exception("announcements_failed", count=len(written.leased))
        if self._behind:
            self._behind = False
            self.wake()

    async def _publish_all(self, claimed: Sequence[Outgoing]) -> bool:
        """Lines side by side, each in order; whether anything left its line."""
        ends = await self._publish_lines(claimed)
        await failpoints.reach("tracker.after_publish")
        seqs = {end: [seq for seq, its in ends if its is end] for end in _End}
        if told := seqs[_End.PUBLISHED]:
            await outgoing.done(self._pool, told)
        if untold := seqs[_End.UNCONFIRMED]:
            await outgoing.again(self._pool, untold, RETRY_SECONDS)
        if impossible := seqs[_End.IMPOSSIBLE]:
            await outgoing.put_off(self._pool, impossible, PUT_OFF_SECONDS)
        return bool(told or impossible)

    async def _publish_lines(self, claimed: Sequence[Outgoing]) -> Sequence[tuple[int, _End]]:
        """The first of each line, then the second: nothing passes what was not confirmed, or leaves after the lease."""
        lines: dict[tuple[str, str, str], deque[Outgoing]] = defaultdict(deque)
        for one in claimed:
            lines[one.line].append(one)
        ends: list[tuple[int, _End]] = []
        until = time.monotonic() + LEASE_SECONDS - PUBLISH_SECONDS
        while lines and time.monotonic() < until:
            first = [line.popleft() for line in lines.values()]
            ended = await self._publish(first)
            ends += [(one.seq, end) for one, end in zip(first, ended, strict=True)]
            stuck = {one.line for one, end in zip(first, ended, strict=True) if end is _End.UNCONFIRMED}
            ends += [(one.seq, _End.UNCONFIRMED) for line in stuck for one in lines.pop(line)]
            lines = {line: rest for line, rest in lines.items() if rest}
        return ends + [(one.seq, _End.UNCONFIRMED) for line in lines.values() for one in line]

    async def _publish(self, first: Sequence[Outgoing]) -> Sequence[_End]:
        readable = [(one.event, one.body) for one in first if one.event is not None]
        errors = iter(await self._announce.send_all(readable, timeout=PUBLISH_SECONDS))
        return [_end(one, None if one.event is None else next(errors)) for one in first]


def _end(one: Outgoing, error: BaseException | None) -> _End:
    if one.event is None:
        metrics.ANNOUNCEMENTS.labels("unreadable").inc()
        return _End.IMPOSSIBLE
    if error is None:
        _PUBLISHED.inc()
        return _End.PUBLISHED
    if isinstance(error, PublishFailed):
        outcome = "not_published" if isinstance(error, NotPublished) else "unconfirmed"
        metrics.ANNOUNCEMENTS.labels(outcome).inc()
        with _about(one.event):
            log.warning("announcement_delayed", event_id=str(one.event.id), error=type(error).__name__)
        return _End.UNCONFIRMED
    metrics.ANNOUNCEMENTS.labels("failed").inc()  # whatever is wrong with this one, the others go on
    with _about(one.event):
        log.error("announcement_failed", event_id=str(one.event.id), exc_info=error)
    return _End.IMPOSSIBLE


def _about(told: Event[Any]) -> AbstractContextManager[None]:
    return about(told.data.workspace_id, told.data.message_id, trace_of(told))
