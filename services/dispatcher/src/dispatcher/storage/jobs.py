"""The journal of claims and outcomes, written in micro-batches. The database's clock is the only clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from dispatcher.domain import job as domain
from dispatcher.domain.job import RECEIPT_ORDER, SETTLEABLE, Due, Settlement, State
from dispatcher.ports import Claim, Job
from dispatcher.storage import statements as sql
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event, content_digest
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import Earlier
from proactive_contracts.values import Channel, Lane
from runtime.batching import Batcher
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, Connection, Pool

log = get_logger()


@dataclass(frozen=True)
class _Request:
    event: Event[SendRequested]
    lane: Lane
    digest: str


class PostgresJobs:
    """dispatcher.ports.Jobs on schema `dispatch`. A lease lasts `lease_seconds` from the claim."""

    def __init__(self, pool: Pool, lease_seconds: float) -> None:
        self._pool = pool
        self._lease = lease_seconds
        self._claims = Batcher(self._claim_batch)
        self._settlements = Batcher(self._settle_batch)
        self._announcements = Batcher(self._announced_batch)

    async def claim(self, event: Event[SendRequested], lane: Lane) -> Claim:
        """Commit to sending this, or find what was committed before."""
        return await self._claims.add(_Request(event, lane, content_digest(event.data)))

    async def claim_resend(self, event: Event[SendRequested], lane: Lane) -> Claim:
        """
        As claim, with the message that it re-sends locked and looked at.

        Where that one never came, its place is taken by a cancelled row, so that it cannot be sent later as well.
        """
        request = _Request(event, lane, content_digest(event.data))
        async with self._pool.acquire() as connection, connection.transaction():
            await self._take_place(connection, event.data, lane)
            claim = (await self._claim_on(connection, [request]))[0]
            return await self._judged(connection, claim) if claim.fresh else claim

    async def settle(self, job: Job, settlement: Settlement) -> Job | None:
        """Record an outcome; None where it came too late for this attempt."""
        return await self._settlements.add((job, settlement))

    async def announced(self, job: Job) -> None:
        """The job's present result was confirmed by the broker."""
        await self._announcements.add(job)

    async def take_due(self, channel: Channel, limit: int) -> Sequence[Claim]:
        """
        Jobs whose time has come, each handed to one caller only.

        Expired and lapsed ones are settled here, those to be called are claimed with a new attempt, and untold
        results are put off, so that no other replica tells them at the same time.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(sql.DUE, channel.value, limit)
            moved = [await self._try_to_move_on(connection, row) for row in rows]
            return [claim for claim in moved if claim is not None]

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        """One job."""
        row = await self._pool.fetchrow(sql.FIND, [workspace_id], [message_id])
        return None if row is None else _job(row)

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        """Remember the best receipt of the message, for the channel that it went through only."""
        if receipt.message_id is not None:
            key = (receipt.workspace_id, receipt.message_id, receipt.channel_id)
            await self._pool.execute(sql.RECEIPT, *key, receipt.status.value, RECEIPT_ORDER)

    async def _claim_batch(self, requests: list[_Request]) -> list[Claim]:
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._claim_on(connection, requests)

    async def _claim_on(self, connection: Connection, requests: list[_Request]) -> list[Claim]:
        """A batch may hold one message twice: the first one claims, the others find its row."""
        first: dict[tuple[str, UUID], _Request] = {}
        for request in requests:
            first.setdefault(_key(request), request)
        in_order = [first[key] for key in sorted(first)]  # all replicas lock in one order: no deadlocks
        made = {tuple(row) for row in await connection.fetch(sql.CLAIM, *_columns(in_order), self._lease)}
        workspaces, messages = zip(*first, strict=True)
        rows = await connection.fetch(sql.FIND, list(workspaces), list(messages))
        found = {(row["workspace_id"], row["message_id"]): row for row in rows}
        claims = []
        for request in requests:
            row = found[key := _key(request)]
            fresh = key in made and first[key] is request
            claims.append(Claim(_job(row), fresh, row["seconds_left"]))
        return claims

    async def _settle_batch(self, items: list[tuple[Job, Settlement]]) -> list[Job | None]:
        async with self._pool.acquire() as connection, connection.transaction():
            await _lock(connection, [job for job, _ in items])
            return await self._settle_on(connection, items)

    async def _settle_on(
        self,
        connection: Connection,
        items: list[tuple[Job, Settlement]],
        leavable: Sequence[State] = SETTLEABLE,
    ) -> list[Job | None]:
        columns = zip(
            *(
                (
                    job.workspace_id,
                    job.message_id,
                    job.attempt,
                    settlement.state.value,
                    EVENT_TYPES[type(settlement.result)],
                    settlement.result.model_dump(mode="json", exclude_none=True),
                    getattr(settlement.result, "provider_message_id", None),
                )
                for job, settlement in items
            ),
            strict=True,
        )
        rows = await connection.fetch(sql.SETTLE, *map(list, columns), [state.value for state in leavable])
        settled = {(row["workspace_id"], row["message_id"]): _job(row) for row in rows}
        return [settled.get((job.workspace_id, job.message_id)) for job, _ in items]

    async def _announced_batch(self, jobs: list[Job]) -> list[None]:
        transitions = [job.transition for job in jobs]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(sql.ANNOUNCED, *await _lock(connection, jobs), transitions)
        return [None] * len(jobs)

    async def _take_place(self, connection: Connection, resend: SendRequested, lane: Lane) -> None:
        """Put a cancelled row where the message that is re-sent never came."""
        stopped = domain.replaced_by(resend)
        await connection.execute(
            sql.TAKE_PLACE,
            resend.workspace_id,
            resend.resend_of,
            resend.channel.value,
            resend.channel_id,
            lane.value,
            EVENT_TYPES[type(stopped)],
            stopped.model_dump(mode="json", exclude_none=True),
        )

    async def _judged(self, connection: Connection, claim: Claim) -> Claim:
        """A re-send, by what became of the message that it repeats and of those which that one repeated."""
        resend = _subject(claim.job)
        if resend.resend_of is None:
            return claim
        rows = await connection.fetch(sql.REPEATED, resend.workspace_id, resend.resend_of)
        repeated = [Earlier(status=domain.status_of(State(r["state"]), r["receipt"]), since=r["since"]) for r in rows]
        if refusal := domain.refuse_resend(resend, repeated):
            return await self._settled(connection, claim.job, refusal)
        if domain.under_way(repeated):
            waiting = await self._touch(connection, claim.job, "state = 'waiting', attempt = 0", sql.LOOK_AGAIN_SECONDS)
            return Claim(waiting, fresh=False, seconds_left=0)
        return claim

    async def _try_to_move_on(self, connection: Connection, row: asyncpg.Record) -> Claim | None:
        """One row that cannot be read must not keep the others from their turn."""
        try:
            async with connection.transaction():
                return await self._move_on(connection, row)
        except TROUBLE:
            raise
        except Exception:
            log.exception("job_unreadable", message_id=str(row["message_id"]))
            await connection.execute(sql.PUT_OFF, row["workspace_id"], row["message_id"])
            return None

    async def _move_on(self, connection: Connection, row: asyncpg.Record) -> Claim:
        job = _job(row)
        match domain.due(job.state, job.not_after, row["now"]):
            case Due.EXPIRE:
                return await self._settled(connection, job, domain.expire(_subject(job), job.attempt, job.not_after))
            case Due.LAPSE:
                return await self._settled(connection, job, domain.lapse(_subject(job), job.attempt))
            case Due.CALL:
                update = "state = 'sending', attempt = attempt + 1, transition = transition + 1, since = now()"
                job = await self._touch(connection, job, update, self._lease)
                return await self._judged(connection, Claim(job, True, row["seconds_left"]))
            case Due.TELL:
                untold = await self._touch(connection, job, "state = state", sql.ANNOUNCE_SECONDS)
                return Claim(untold, fresh=False, seconds_left=0)

    async def _settled(self, connection: Connection, job: Job, settlement: Settlement) -> Claim:
        """Settle a job whose row this transaction holds."""
        settled = (await self._settle_on(connection, [(job, settlement)], [job.state]))[0]
        assert settled is not None, "the row is locked in the state that it is in"
        return Claim(settled, fresh=False, seconds_left=0)

    async def _touch(self, connection: Connection, job: Job, update: str, due_in_seconds: float) -> Job:
        row = await connection.fetchrow(
            f"UPDATE dispatch.job SET {update}, due_at = now() + $3 * interval '1 second' "
            f"WHERE workspace_id = $1 AND message_id = $2 RETURNING {sql.JOB}",
            job.workspace_id,
            job.message_id,
            due_in_seconds,
        )
        assert row is not None
        return _job(row)


async def _lock(connection: Connection, jobs: Sequence[Job]) -> tuple[list[str], list[UUID]]:
    keys = [job.workspace_id for job in jobs], [job.message_id for job in jobs]
    await connection.execute(sql.LOCK, *keys)
    return keys


def _key(request: _Request) -> tuple[str, UUID]:
    return request.event.data.workspace_id, request.event.data.message_id


def _columns(requests: list[_Request]) -> list[list[Any]]:
    rows = (
        (
            request.event.data.workspace_id,
            request.event.data.message_id,
            request.event.id,
            request.digest,
            request.event.data.channel.value,
            request.event.data.channel_id,
            request.lane.value,
            request.event.data.not_after,
            request.event.data.model_dump(mode="json", exclude_none=True),
            request.event.data.not_before,
        )
        for request in requests
    )
    return [list(column) for column in zip(*rows, strict=True)]


def _job(row: asyncpg.Record) -> Job:
    request = row["request"]
    return Job(
        workspace_id=row["workspace_id"],
        message_id=row["message_id"],
        event_id=row["event_id"],
        digest=row["digest"],
        lane=Lane(row["lane"]),
        state=State(row["state"]),
        since=row["since"],
        attempt=row["attempt"],
        transition=row["transition"],
        not_after=row["not_after"],
        request=None if request is None else SendRequested.model_validate(request),
        outcome=row["outcome"],
        result=row["result"],
        receipt=row["receipt"],
    )


def _subject(job: Job) -> SendRequested:
    assert job.request is not None, "only a cancelled row has no request, and it is never due"
    return job.request
