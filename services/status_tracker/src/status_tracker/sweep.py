"""A message whose time is over must not stay silently queued or under way: it is shown as what it is, and alerts."""

import asyncio
from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Final

from proactive_contracts.envelope import traceparent_of
from proactive_contracts.status import Status
from runtime import clock
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE, UNPREPARED
from status_tracker import metrics
from status_tracker.domain.entries import Entry
from status_tracker.domain.findings import Job, looked_up, not_taken
from status_tracker.handlers import Fact, Outcome, Recorder
from status_tracker.loop import Loop
from status_tracker.ports import Dispatcher, LookUp, Taken
from status_tracker.storage import effects, entries, messages, outgoing
from status_tracker.storage.database import Pool
from status_tracker.storage.messages import Undecided

LIMIT = 50
LOOK_AGAIN_SECONDS = 60.0
"""How long a message is left alone about which the dispatcher gave no answer, or which just took a step."""

ALERT_AGAIN_SECONDS = 600.0
"""How long one is left alone after its alert."""

UNMATCHED_AFTER = timedelta(hours=1)
"""How long a receipt or a result may wait for its message before operators are told."""

_RUN_A_WORKER: Final = "check that a worker runs"
_REPLAY: Final = "look for its result with `proactivectl parked list`, and replay it"
_FIND_IT: Final = (
    "look for its request or result with `proactivectl parked list`, and replay it; "
    "else something besides Proactive sends through the channel's account"
)
_UNDER_WAY: Final = frozenset({Status.SENDING, Status.WAITING})

log = get_logger()


class Sweep(Loop):
    """
    Judges messages of whose end nobody has spoken when not_after plus a grace is over.

    `read_up_to` tells up to when the history queue was read: a result that waits there must be read first. The
    dispatcher is asked before anything is said. What it never took is not confirmed; what it has taken is shown as its
    job says, since the event that told so was lost on the way, or lies parked.
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
        await self._tell_unmatched(read_up_to)
        found = await messages.undecided(self._pool, read_up_to, self._grace_seconds, LIMIT)
        answers = await asyncio.gather(*(self._dispatcher.look_up(*late.key) for late in found))
        pauses: dict[float, list[Undecided]] = {}
        for late, answer in zip(found, answers, strict=True):
            metrics.JUDGEMENTS.labels(answer.taken).inc()
            pauses.setdefault(await self._judge(late, answer), []).append(late)
        for seconds, put_off in pauses.items():
            await messages.judge_later(self._pool, [late.key for late in put_off], seconds)
        return len(found) == LIMIT

    async def _tell_unmatched(self, read_up_to: datetime) -> None:
        """Alert about what was said of messages that nobody asked for, as far as the queue was read."""
        before = min(read_up_to, clock.now()) - UNMATCHED_AFTER
        for entry in await entries.tell_unmatched(self._pool, before, LIMIT):
            metrics.UNMATCHED.inc()
            trace = None if entry.message_id is None else traceparent_of(entry.workspace_id, entry.message_id)
            with about(entry.workspace_id, entry.message_id, trace):
                log.error(
                    "message_not_known",
                    event_told=entry.event,
                    channel_id=str(entry.channel_id),
                    entry_id=str(entry.entry_id),  # a provider's id may hold the number
                    advice=_FIND_IT,
                )

    async def _judge(self, late: Undecided, answer: LookUp) -> float:
        """Say what can be said; how many seconds the message is left alone, should it still be undecided then."""
        if answer.taken is Taken.NO_ANSWER or (answer.job and self._just_took_a_step(answer.job)):
            return LOOK_AGAIN_SECONDS
        with about(*late.key, late.trace):
            try:
                if answer.taken is Taken.NEVER and late.status is Status.QUEUED:
                    await self._tell_not_taken(late)
                else:
                    await self._tell_overdue(late, answer)
            except (*TROUBLE, *UNPREPARED):
                raise
            except Exception:  # such as a row of another release: the other messages must be judged all the same
                metrics.UNREADABLE.labels("undecided").inc()
                log.exception("message_not_judged")
        return ALERT_AGAIN_SECONDS

    def _just_took_a_step(self, job: Job) -> bool:
        """What tells of it may be on its way to us."""
        return clock.now() - job.since < timedelta(seconds=self._grace_seconds)

    async def _tell_not_taken(self, late: Undecided) -> None:
        if await self._record(not_taken(late.event_id, late.key, late.channel_id, clock.now())):
            metrics.NOT_TAKEN.inc()
            log.error(
                "message_not_taken",
                advice="check the dispatcher's bindings with `proactivectl topology diff`, and that a worker runs",
            )

    async def _tell_overdue(self, late: Undecided, answer: LookUp) -> None:
        """Alert about what a dispatcher took and did not tell the end of, and show what its job says."""
        if (job := answer.job) is not None:
            await self._record(looked_up(job, late.key, late.channel_id, clock.now()))
        state = job.status if job else "nothing" if answer.taken is Taken.NEVER else "unreadable"
        metrics.OVERDUE.inc()
        log.error(
            "message_overdue",
            shown=late.status,
            dispatcher_says=state,
            advice=_RUN_A_WORKER if job and job.status in _UNDER_WAY else _REPLAY,
        )

    async def _record(self, finding: Entry) -> bool:
        return await self._recorder.record(Fact(finding)) is Outcome.RECORDED

    async def _measure(self) -> None:
        for what, table in (("status_events", outgoing), ("notes", effects)):
            count, oldest = await table.backlog(self._pool)
            metrics.BACKLOG.labels(what).set(count)
            metrics.OLDEST_SECONDS.labels(what).set(oldest)
        metrics.under_way(astuple(group) for group in await messages.waiting(self._pool))
