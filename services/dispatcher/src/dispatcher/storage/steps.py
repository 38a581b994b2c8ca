"""Decisions about jobs, made and written under the locks of their rows, on a connection of the caller's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from dispatcher.domain import resends
from dispatcher.domain.answers import Accepted, Unclear
from dispatcher.domain.job import decide
from dispatcher.domain.states import (
    MOVING,
    Act,
    Answered,
    Capabilities,
    Happening,
    HeldBack,
    Job,
    LeaseLapsed,
    LookedUp,
    ReceiptCame,
    RepeatsSent,
    State,
    Step,
    TimeCame,
)
from dispatcher.ports import Claim, Settled
from dispatcher.storage import statements as sql
from dispatcher.storage.gate_statements import FAILURES_BACK
from dispatcher.storage.rows import Key, Turn, columns_of_keys, key_of, key_of_row, read, write
from proactive_contracts.envelope import traceparent_of
from proactive_contracts.results import Earlier
from proactive_contracts.status import Status
from proactive_contracts.values import Channel
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE, UNPREPARED, Connection, Pool

SHARED = (*TROUBLE, *UNPREPARED)
"""Errors that say nothing about the job at hand."""

TELLINGS = 50
"""Untold results of jobs that move on are told again so many at a time."""

log = get_logger()


@dataclass(frozen=True)
class Happened:
    """
    Something that happened to a job; `tell_in`: seconds after which its untold result is told by the scheduler.

    `known`: the job as it was handed out, to whoever says what came of it.
    """

    key: Key
    happening: Happening
    provider: str | None
    tell_in: float = sql.ANNOUNCE_SECONDS
    known: Job | None = None


@dataclass(frozen=True)
class Steps:
    """What is needed to decide and to write; `lease_seconds` and `worker` for what is handed out to be called."""

    lease_seconds: float
    worker: UUID
    capabilities: Mapping[str, Capabilities]
    chance: Callable[[], float]

    async def settle(self, connection: Connection, events: Sequence[Happened]) -> list[Settled | None]:
        """Decide, under the locks of their rows, about jobs that are all different."""
        rows = await connection.fetch(sql.LOCK, *columns_of_keys([event.key for event in events]))
        jobs = {key_of_row(row): (read(row), row["now"]) for row in rows}
        turns = {}
        for event in events:
            if event.key in jobs:
                job, now = jobs[event.key]
                step = self._decide(job, event.happening, event.provider or job.provider, now)
                if step is not None:
                    turns[event.key] = Turn(job, step, event.provider, event.tell_in)
        after = await write(connection, list(turns.values()), self.lease_seconds, self.worker)
        taken = [jobs[event.key][0].request for event in events if _was_no_failure(event, jobs, turns)]
        await _take_failures_back(connection, [request.channel_id for request in taken if request is not None])
        return [
            Settled(after.get(event.key, jobs[event.key][0]), changed=_tells(turns.get(event.key)))
            if event.key in jobs
            else None
            for event in events
        ]

    async def accept(self, pool: Pool, events: Sequence[Happened]) -> dict[Key, Settled]:
        """
        What nearly every call comes to, in one statement and without a look: the provider took it.

        Only of jobs that are all different, and to which nothing else happened since they were handed out.
        """
        turns = []
        for event in events:
            if event.known is not None and _is_plainly_taken(event.happening):
                step = self._decide(event.known, event.happening, event.provider, event.known.since)
                assert step is not None, "what is being sent can be taken"
                turns.append(Turn(event.known, step, event.provider, event.tell_in))
        accepted = await write(pool, turns, self.lease_seconds, self.worker, locked=False)
        return {key: Settled(job, changed=True) for key, job in accepted.items()}

    async def move_on(
        self, connection: Connection, rows: Sequence[tuple[asyncpg.Record, HeldBack | RepeatsSent | None]]
    ) -> list[Claim]:
        """Settle, claim or put off what is due. A row that cannot be read must not keep the others from their turn."""
        turns: list[tuple[Turn, float]] = []
        untold: list[Job] = []
        judged: set[Key] = set()
        for row, held in rows:
            try:
                job = read(row)
                if job.state in MOVING:
                    happening = held or await self._due(connection, job, judged)
                    step = self._decide(job, happening, job.provider, row["now"])
                    assert step is not None, "something always happens to a job whose time has come"
                    turns.append((Turn(job, step), row["seconds_left"]))
                else:
                    untold.append(job)
            except SHARED:
                raise
            except Exception:
                await _put_off(connection, key_of_row(row), row["traceparent"])
        await renew(connection, untold, sql.ANNOUNCE_SECONDS)
        told = [Claim(job, Act.NOTHING, 0) for job in untold]
        return [*told, *await self._write_each(connection, turns)]

    async def tell_again(self, connection: Connection, channel: Channel) -> list[Claim]:
        """Results of jobs that wait, or are being found out, which nobody was told: the broker was away."""
        rows = await connection.fetch(sql.TELL_AGAIN, channel.value, TELLINGS, sql.ANNOUNCE_SECONDS)
        claims = []
        for row in rows:
            try:
                claims.append(Claim(read(row), Act.NOTHING, 0))
            except Exception:
                _tell_unreadable(key_of_row(row), row["traceparent"])
        return claims

    async def _write_each(self, connection: Connection, turns: list[tuple[Turn, float]]) -> list[Claim]:
        """Write all at once; where that fails, one by one, and what fails again is put off."""
        if not turns:
            return []
        try:
            async with connection.transaction():
                jobs = await write(connection, [turn for turn, _ in turns], self.lease_seconds, self.worker)
        except SHARED:
            raise
        except Exception:
            if len(turns) == 1:
                await _put_off(connection, key_of(turns[0][0].job), turns[0][0].job.trace)
                return []
            return [claim for turn in turns for claim in await self._write_each(connection, [turn])]
        return [Claim(jobs[key_of(turn.job)], turn.step.act, seconds_left) for turn, seconds_left in turns]

    async def _due(self, connection: Connection, job: Job, judged: set[Key]) -> Happening:
        """What it means that this job's time has come. `judged`: first messages of which a re-send was judged now."""
        if job.state is State.SENDING:
            return LeaseLapsed()
        repeats = job.request.resend_of if job.request and job.state is State.WAITING else None
        if repeats is None:
            return TimeCame()
        rows = await connection.fetch(sql.REPEATED, job.workspace_id, repeats)
        first = (job.workspace_id, rows[-1]["message_id"]) if rows else key_of(job)
        if not rows or len(rows) < rows[0]["count"] or first in judged:
            return TimeCame([Earlier(status=Status.SENDING, since=job.since)])  # somebody else is about to decide
        judged.add(first)
        known = [row["message_id"] for row in rows]
        beside = await connection.fetch(sql.BESIDE, *first, [*known, job.message_id])
        return TimeCame(_earlier(rows), _earlier(beside))

    def _decide(self, job: Job, happening: Happening, provider: str | None, now: datetime) -> Step | None:
        can = self.capabilities.get(provider or "") or Capabilities(provider)
        return decide(job, happening, can, now, self.chance())


def _earlier(rows: Sequence[asyncpg.Record]) -> list[Earlier]:
    return [Earlier(status=resends.status_of(State(row["state"]), row["receipt"]), since=row["since"]) for row in rows]


def _was_no_failure(event: Happened, jobs: Mapping[Key, tuple[Job, datetime]], turns: Mapping[Key, Turn]) -> bool:
    """Whether an attempt without a definite answer, which counts against its channel, was taken, as a receipt says."""
    match event.happening:
        case ReceiptCame() | LookedUp():
            turn = turns.get(event.key)
            return turn is not None and bool(turn.job.doubts) and turn.step.state is State.ACCEPTED
        case Answered(answer=Unclear()):  # the receipt was faster
            return event.key in jobs and jobs[event.key][0].state is State.ACCEPTED
    return False


async def _take_failures_back(connection: Connection, channels: Sequence[UUID]) -> None:
    """It says nothing about the failures of other messages, and it is of the past: an open breaker stays open."""
    if channels:
        await connection.execute(FAILURES_BACK, channels)


def _is_plainly_taken(happening: Happening) -> bool:
    """Whether it can be judged by what was known when the call began: no clock and no earlier attempt has a say."""
    answer = happening.answer if isinstance(happening, Answered) else None
    return isinstance(answer, Accepted) and not answer.duplicate


def _tells(turn: Turn | None) -> bool:
    return turn is not None and turn.step.result is not None


async def renew(connection: Connection, jobs: Sequence[Job], seconds: float) -> None:
    """Have the scheduler look at these, whose rows this transaction has locked, in so many seconds."""
    if jobs:
        await connection.execute(sql.RENEW, *columns_of_keys([key_of(job) for job in jobs]), seconds)


async def _put_off(connection: Connection, key: Key, traceparent: str | None) -> None:
    _tell_unreadable(key, traceparent)
    await connection.execute(sql.PUT_OFF, *key)


def _tell_unreadable(key: Key, traceparent: str | None) -> None:
    with about(*key, traceparent or traceparent_of(*key)):
        log.exception("job_unreadable")
