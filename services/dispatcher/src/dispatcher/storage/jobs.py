"""The journal of claims and outcomes, written in micro-batches. The database's clock is the only clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from dispatcher.domain import job as domain
from dispatcher.domain.job import SETTLEABLE, Due, Settlement, State
from dispatcher.ports import Claim, Job
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event, content_digest
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import Earlier
from proactive_contracts.values import Channel, Lane
from runtime.batching import Batcher
from runtime.postgres import Connection, Pool

ANNOUNCE_SECONDS = 10
"""How long a result may stay untold before the scheduler tells it again."""

_JOB = (
    "workspace_id, message_id, event_id, digest, lane, state, since, attempt, transition, not_after, request, "
    "outcome, result, receipt"
)

_CLAIM = """
INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request,
                          state, attempt, due_at)
SELECT r.workspace_id, r.message_id, r.event_id, r.digest, r.channel, r.channel_id, r.lane, r.not_after, r.request,
       CASE WHEN w.waits THEN 'waiting' ELSE 'sending' END,
       CASE WHEN w.waits THEN 0 ELSE 1 END,
       CASE WHEN w.waits THEN greatest(now(), least(r.not_before, r.not_after))
            ELSE now() + $11 * interval '1 second' END
FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[],
            $9::jsonb[], $10::timestamptz[])
     AS r(workspace_id, message_id, event_id, digest, channel, channel_id, lane, not_after, request, not_before),
     LATERAL (SELECT r.not_after <= now() OR coalesce(r.not_before > now(), false) AS waits) w
ON CONFLICT (workspace_id, message_id) DO NOTHING
RETURNING workspace_id, message_id
"""

_FIND = f"""
SELECT {_JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left
FROM dispatch.job
WHERE (workspace_id, message_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""

_SETTLE = f"""
UPDATE dispatch.job j
SET state = u.state, outcome = u.outcome, result = u.result, transition = j.transition + 1,
    provider_message_id = coalesce(u.provider_message_id, j.provider_message_id),
    since = clock_timestamp(), announced_at = NULL, due_at = now() + {ANNOUNCE_SECONDS} * interval '1 second'
FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::jsonb[], $7::text[])
     AS u(workspace_id, message_id, attempt, state, outcome, result, provider_message_id)
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id AND j.attempt = u.attempt
      AND j.state = ANY($8::text[])
RETURNING {", ".join("j." + column.strip() for column in _JOB.split(","))}
"""

_ANNOUNCED = """
UPDATE dispatch.job j SET announced_at = now(), due_at = NULL
FROM unnest($1::text[], $2::uuid[], $3::integer[]) AS u(workspace_id, message_id, transition)
WHERE j.workspace_id = u.workspace_id AND j.message_id = u.message_id AND j.transition = u.transition
      AND j.result IS NOT NULL
"""

_DUE = f"""
SELECT {_JOB}, extract(epoch FROM not_after - now())::float8 AS seconds_left, now() AS now
FROM dispatch.job WHERE channel = $1 AND due_at <= now()
ORDER BY lane = 'bulk', due_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""

_RECEIPT = """
UPDATE dispatch.job SET receipt = $4
WHERE workspace_id = $1 AND message_id = $2 AND channel_id = $3
      AND coalesce(array_position(ARRAY['sent', 'delivered', 'read'], receipt), 0)
          < array_position(ARRAY['sent', 'delivered', 'read'], $4)
"""


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
            named = await self._named(connection, event.data, lane)
            claims = await self._claim_on(connection, [request])
            refusal = domain.refuse_resend(event.data, named)
            if not (claims[0].fresh and refusal):
                return claims[0]
            return await self._settled(connection, claims[0].job, refusal)

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
            rows = await connection.fetch(_DUE, channel.value, limit)
            return [await self._move_on(connection, row) for row in rows]

    async def find(self, workspace_id: str, message_id: UUID) -> Job | None:
        """One job."""
        row = await self._pool.fetchrow(_FIND, [workspace_id], [message_id])
        return None if row is None else _job(row)

    async def record_receipt(self, receipt: DeliveryReported) -> None:
        """Remember the best receipt of the message, for the channel that it went through only."""
        if receipt.message_id is not None and receipt.status in {"sent", "delivered", "read"}:
            key = (receipt.workspace_id, receipt.message_id, receipt.channel_id)
            await self._pool.execute(_RECEIPT, *key, receipt.status.value)

    async def _claim_batch(self, requests: list[_Request]) -> list[Claim]:
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._claim_on(connection, requests)

    async def _claim_on(self, connection: Connection, requests: list[_Request]) -> list[Claim]:
        """A batch may hold one message twice: the first one claims, the others find its row."""
        first: dict[tuple[str, UUID], _Request] = {}
        for request in requests:
            first.setdefault(_key(request), request)
        made = {tuple(row) for row in await connection.fetch(_CLAIM, *_columns(list(first.values())), self._lease)}
        workspaces, messages = zip(*first, strict=True)
        rows = await connection.fetch(_FIND, list(workspaces), list(messages))
        found = {(row["workspace_id"], row["message_id"]): row for row in rows}
        claims = []
        for request in requests:
            row = found[key := _key(request)]
            fresh = key in made and first[key] is request
            claims.append(Claim(_job(row), fresh, row["seconds_left"]))
        return claims

    async def _settle_batch(self, items: list[tuple[Job, Settlement]]) -> list[Job | None]:
        async with self._pool.acquire() as connection, connection.transaction():
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
        rows = await connection.fetch(_SETTLE, *map(list, columns), [state.value for state in leavable])
        settled = {(row["workspace_id"], row["message_id"]): _job(row) for row in rows}
        return [settled.get((job.workspace_id, job.message_id)) for job, _ in items]

    async def _announced_batch(self, jobs: list[Job]) -> list[None]:
        keys = [(job.workspace_id, job.message_id, job.transition) for job in jobs]
        workspaces, messages, transitions = zip(*keys, strict=True)
        await self._pool.execute(_ANNOUNCED, list(workspaces), list(messages), list(transitions))
        return [None] * len(jobs)

    async def _named(self, connection: Connection, resend: SendRequested, lane: Lane) -> Earlier:
        """The locked state of the message that is re-sent; a cancelled row is put where there is none."""
        await connection.execute(
            "INSERT INTO dispatch.job (workspace_id, message_id, event_id, digest, channel, channel_id, lane, state, "
            "attempt, not_after) VALUES ($1, $2, $2, '', $3, $4, $5, 'cancelled', 0, now()) ON CONFLICT DO NOTHING",
            resend.workspace_id,
            resend.resend_of,
            resend.channel.value,
            resend.channel_id,
            lane.value,
        )
        row = await connection.fetchrow(
            "SELECT state, receipt, since FROM dispatch.job WHERE workspace_id = $1 AND message_id = $2 FOR UPDATE",
            resend.workspace_id,
            resend.resend_of,
        )
        assert row is not None
        return Earlier(status=domain.status_of(State(row["state"]), row["receipt"]), since=row["since"])

    async def _move_on(self, connection: Connection, row: asyncpg.Record) -> Claim:
        job = _job(row)
        match domain.due(job.state, job.not_after, row["now"]):
            case Due.EXPIRE:
                return await self._settled(connection, job, domain.expire(_subject(job), job.attempt, job.not_after))
            case Due.LAPSE:
                return await self._settled(connection, job, domain.lapse(_subject(job), job.attempt))
            case Due.CALL:
                update = "state = 'sending', attempt = attempt + 1, transition = transition + 1, since = now()"
                return Claim(await self._touch(connection, job, update, self._lease), True, row["seconds_left"])
            case Due.TELL:
                untold = await self._touch(connection, job, "state = state", ANNOUNCE_SECONDS)
                return Claim(untold, fresh=False, seconds_left=0)

    async def _settled(self, connection: Connection, job: Job, settlement: Settlement) -> Claim:
        """Settle a job whose row this transaction holds."""
        settled = (await self._settle_on(connection, [(job, settlement)], [job.state]))[0]
        assert settled is not None, "the row is locked in the state that it is in"
        return Claim(settled, fresh=False, seconds_left=0)

    async def _touch(self, connection: Connection, job: Job, update: str, due_in_seconds: float) -> Job:
        row = await connection.fetchrow(
            f"UPDATE dispatch.job SET {update}, due_at = now() + $3 * interval '1 second' "
            f"WHERE workspace_id = $1 AND message_id = $2 RETURNING {_JOB}",
            job.workspace_id,
            job.message_id,
            due_in_seconds,
        )
        assert row is not None
        return _job(row)


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
