"""Between rows of dispatch.job and the domain's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from dispatcher.domain.answers import Unclear
from dispatcher.domain.states import Job, State, Step
from dispatcher.storage import statements as sql
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Lane, RequestedBy
from runtime.postgres import Connection, Pool

Key: TypeAlias = tuple[str, UUID]

_REQUESTED_BY: TypeAdapter[RequestedBy] = TypeAdapter(RequestedBy)


@dataclass(frozen=True)
class Request:
    """A request that is to be claimed."""

    event: Event[SendRequested]
    lane: Lane
    digest: str
    provider: str | None
    held: bool

    @property
    def key(self) -> Key:
        """What its row is found by."""
        return self.event.data.workspace_id, self.event.data.message_id


@dataclass(frozen=True)
class Turn:
    """A decision that is to be written; `tell_in`: seconds after which its untold result is told by the scheduler."""

    job: Job
    step: Step
    provider: str | None = None
    tell_in: float = sql.ANNOUNCE_SECONDS


def key_of(job: Job) -> Key:
    """What its row is found by."""
    return job.workspace_id, job.message_id


def key_of_row(row: asyncpg.Record) -> Key:
    """What a row is found by."""
    return row["workspace_id"], row["message_id"]


def columns_of_keys(keys: Sequence[Key]) -> tuple[list[str], list[UUID]]:
    """As UNNEST wants them."""
    return [workspace for workspace, _ in keys], [message for _, message in keys]


def columns_of_requests(requests: Sequence[Request]) -> list[list[Any]]:
    """The parameters of CLAIM that are one per request."""
    rows = (
        (
            *request.key,
            request.event.id,
            request.digest,
            request.event.data.channel.value,
            request.event.data.channel_id,
            request.lane.value,
            request.event.data.not_after,
            request.event.data.model_dump_json(exclude_none=True),
            request.provider,
            request.event.data.not_before,
            request.held,
            request.event.traceparent,
        )
        for request in requests
    )
    return [list(column) for column in zip(*rows, strict=True)]


async def write(
    connection: Connection | Pool, turns: Sequence[Turn], lease_seconds: float, worker: UUID, *, locked: bool = True
) -> dict[Key, Job]:
    """
    Write decisions about different jobs; gives the jobs as they are now.

    Where this transaction has not `locked` their rows, only those are written that are still being sent as they were.
    """
    if not turns:
        return {}
    columns = [list(column) for column in zip(*map(_columns, turns), strict=True)]
    transitions = [None if locked else turn.job.transition for turn in turns]
    rows = await connection.fetch(sql.WRITE, *columns, transitions, lease_seconds, worker)
    written = {key_of_row(row): row for row in rows}
    return {
        key: _after(turn, told, written[key])
        for turn, told in zip(turns, columns[_RESULT], strict=True)
        if (key := key_of(turn.job)) in written
    }


_RESULT = 11
"""Its place among the columns."""


def _columns(turn: Turn) -> tuple[Any, ...]:
    step = turn.step
    result = step.result
    return (
        *key_of(turn.job),
        step.state.value,
        step.attempt,
        "{" + ",".join(map(str, step.doubts)) + "}",
        step.tries,
        step.looks,
        _from_unclear(step.unclear),
        turn.provider,
        step.provider_message_id,
        None if result is None else EVENT_TYPES[type(result)],
        None if result is None else result.model_dump(mode="json", exclude_none=True),
        step.due_at,
        step.act.value,
        turn.tell_in,
        None if step.stopped_by is None else step.stopped_by.model_dump(mode="json"),
    )


def _after(turn: Turn, told: Mapping[str, Any] | None, row: asyncpg.Record) -> Job:
    """`told`: the result as it was written; where none was, the row holds the one from before, if any."""
    step = turn.step
    return replace(
        turn.job,
        state=step.state,
        attempt=step.attempt,
        doubts=step.doubts,
        tries=step.tries,
        looks=step.looks,
        unclear=step.unclear,
        provider_message_id=step.provider_message_id,
        stopped_by=step.stopped_by,
        result=row["result"] if told is None else told,
        **{name: row[name] for name in ("since", "transition", "due_at", "outcome", "provider", "called_at")},
    )


def claimed(request: Request, row: asyncpg.Record) -> Job:
    """The job that a request has just become, by what CLAIM returns of its row."""
    return Job(
        workspace_id=row["workspace_id"],
        message_id=row["message_id"],
        event_id=request.event.id,
        digest=request.digest,
        lane=request.lane,
        state=State(row["state"]),
        since=row["since"],
        attempt=row["attempt"],
        transition=row["transition"],
        not_after=request.event.data.not_after,
        request=request.event.data,
        outcome=None,
        result=None,
        receipt=None,
        due_at=row["due_at"],
        provider=request.provider,
        called_at=row["called_at"],
        traceparent=request.event.traceparent,
    )


def read(row: asyncpg.Record) -> Job:
    """A row as a job; fails where a later release wrote what this one does not know."""
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
        request=SendRequested.model_validate(request) if request and "content" in request else None,
        outcome=row["outcome"],
        result=row["result"],
        receipt=row["receipt"],
        doubts=tuple(row["doubts"]),
        tries=row["tries"],
        looks=row["looks"],
        unclear=_to_unclear(row["unclear"]),
        due_at=row["due_at"],
        provider=row["provider"],
        provider_message_id=row["provider_message_id"],
        called_at=row["called_at"],
        stopped_by=None if row["stopped_by"] is None else _REQUESTED_BY.validate_python(row["stopped_by"]),
        traceparent=row["traceparent"],
    )


def _from_unclear(unclear: Unclear | None) -> Mapping[str, Any] | None:
    return None if unclear is None else {"detail": unclear.detail, "provider_code": unclear.provider_code}


def _to_unclear(fields: Mapping[str, Any] | None) -> Unclear | None:
    return None if fields is None else Unclear(fields["detail"], fields["provider_code"])
