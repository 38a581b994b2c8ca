"""The rows that the history shows: locked, written, and found when they wait for a sender for too long."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from proactive_contracts.envelope import text_digest, traceparent_of
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Channel, Lane, TextContent
from status_tracker.domain.decision import Change, Known, MessageKey
from status_tracker.domain.notes import Kind
from status_tracker.storage.database import Connection, Pool, Record, columns

_TYPES = {
    "workspace_id": "text",
    "message_id": "uuid",
    "event_id": "uuid",
    "channel": "text",
    "channel_id": "uuid",
    "recipient": "text",
    "conversation_id": "text",
    "requested_by_id": "text",
    "requested_at": "timestamptz",
    "not_after": "timestamptz",
    "status": "text",
    "status_at": "timestamptz",
    "reason": "text",
    "detail": "text",
    "provider": "text",
    "provider_code": "text",
    "provider_message_id": "text",
    "revision": "int",
    "noted": "text",
    "due_at": "timestamptz",
    "text_digest": "text",
    "lane": "text",
}
"""The columns of tracker.message that a change writes."""

_COLUMNS = list(_TYPES)
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES.values(), 1))
_ASSIGNED = ", ".join(
    f"{name} = CASE WHEN message.text_removed_at IS NULL THEN new.text_digest END"
    if name == "text_digest"
    else f"{name} = new.{name}"
    for name in _COLUMNS[2:]
)
_NOTHING = [0 if name == "revision" else None for name in _COLUMNS[2:]]


async def lock(connection: Connection, keys: Collection[MessageKey]) -> list[Known]:
    """
    Lock those messages' rows that are there until the transaction ends.

    In one order everywhere, so that no two transactions wait for each other.
    """
    rows = await connection.fetch(
        """
        SELECT workspace_id, message_id, status, revision, noted, message.xmin, erased_at, lane FROM tracker.message
        JOIN unnest($1::text[], $2::uuid[]) AS wanted (workspace_id, message_id) USING (workspace_id, message_id)
        ORDER BY workspace_id, message_id FOR UPDATE OF message
        """,
        *columns(keys),
    )
    return [
        Known(
            (row["workspace_id"], row["message_id"]),
            row["status"] and Status(row["status"]),
            row["revision"],
            row["noted"] and Kind(row["noted"]),
            row["xmin"],
            row["erased_at"] is not None,
            row["lane"] and Lane(row["lane"]),
        )
        for row in rows
    ]


async def create(connection: Connection, new: Mapping[MessageKey, Change | None]) -> dict[MessageKey, int]:
    """Make rows, empty ones for what shows nothing yet; the versions of those that nobody else had made meanwhile."""
    changes = ((key, new[key]) for key in sorted(new, key=_place))
    rows = await connection.fetch(
        f"INSERT INTO tracker.message ({', '.join(_COLUMNS)}) SELECT * FROM unnest({_ARRAYS}) "
        "ON CONFLICT DO NOTHING RETURNING workspace_id, message_id, xmin",
        *columns((*key, *_NOTHING) if change is None else _row(change) for key, change in changes),
    )
    return _versions(rows)


async def save(connection: Connection, changes: Collection[Change]) -> dict[MessageKey, int]:
    """Write what the rows show from now on; their versions."""
    rows = await connection.fetch(
        f"""
        UPDATE tracker.message AS message SET {_ASSIGNED}
        FROM unnest({_ARRAYS}) AS new ({", ".join(_COLUMNS)})
        WHERE message.workspace_id = new.workspace_id AND message.message_id = new.message_id
        RETURNING message.workspace_id, message.message_id, message.xmin
        """,
        *columns(_row(change) for change in changes),
    )
    return _versions(rows)


def _place(key: MessageKey) -> tuple[str, int]:
    """Where a key stands among others: as PostgreSQL orders them, and faster to compare than UUIDs are."""
    workspace_id, message_id = key
    return workspace_id, message_id.int


def _versions(rows: Iterable[Record]) -> dict[MessageKey, int]:
    """By message, the number of the transaction that wrote its row last."""
    return {(row["workspace_id"], row["message_id"]): row["xmin"] for row in rows}


def _row(change: Change) -> tuple[Any, ...]:
    shown = change.shown
    asked, decisive = shown.request.asked, shown.decisive
    return (
        *change.key,
        shown.request.event_id,
        asked.channel,
        asked.channel_id,
        asked.recipient,
        asked.thread.conversation_id,
        asked.requested_by.id if isinstance(asked.requested_by, Admin) else None,
        shown.request.at,
        asked.not_after,
        shown.status,
        shown.since(decisive),
        decisive.reason,
        decisive.detail,
        shown.provider,
        decisive.provider_code,
        shown.provider_message_id,
        change.revision,
        change.noted,
        decisive.due_at,
        text_digest(asked.content.text) if isinstance(asked.content, TextContent) else None,
        change.lane,
    )


@dataclass(frozen=True)
class Undecided:
    """A message whose time is over, and of which nobody has said how it ended."""

    key: MessageKey
    status: Status
    event_id: UUID
    channel_id: UUID
    traceparent: str | None = None

    @property
    def trace(self) -> str:
        """The trace context of its request."""
        return self.traceparent or traceparent_of(*self.key)


async def undecided(pool: Pool, read_up_to: datetime, grace_seconds: float, limit: int) -> Sequence[Undecided]:
    """
    Messages of whose end no dispatcher spoke by not_after plus the grace, the oldest first.

    Only those are judged whose time ran out before `read_up_to`: whatever was said by then has been read.
    """
    rows = await pool.fetch(
        """
        SELECT workspace_id, message_id, status, event_id, channel_id, (
            SELECT traceparent FROM tracker.request AS asked
            WHERE asked.workspace_id = message.workspace_id AND asked.message_id = message.message_id
                AND asked.event_id = message.event_id) AS traceparent
        FROM tracker.message
        WHERE status IN ('queued', 'sending', 'waiting')
            AND not_after < least(now(), $1) - make_interval(secs => $2) AND judge_after < now()
        ORDER BY not_after LIMIT $3
        """,
        read_up_to,
        grace_seconds,
        limit,
    )
    return [
        Undecided(
            (row["workspace_id"], row["message_id"]),
            Status(row["status"]),
            row["event_id"],
            row["channel_id"],
            row["traceparent"],
        )
        for row in rows
    ]


async def judge_later(pool: Pool, keys: Sequence[MessageKey], seconds: float) -> None:
    """Leave messages out of `undecided` for a while."""
    await pool.execute(
        """
        UPDATE tracker.message AS message SET judge_after = now() + make_interval(secs => $3)
        FROM unnest($1::text[], $2::uuid[]) AS put_off (workspace_id, message_id)
        WHERE message.workspace_id = put_off.workspace_id AND message.message_id = put_off.message_id
        """,
        *columns(keys),
        seconds,
    )


@dataclass(frozen=True)
class Waiting:
    """How many messages of a channel and lane have a status that is none to stay in."""

    channel: Channel
    lane: Lane
    status: Status
    messages: int
    oldest_seconds: float
    """Since it was asked for."""


async def waiting(pool: Pool) -> Sequence[Waiting]:
    """What is under way, by channel, lane and status; what an older release wrote counts as an agent's."""
    rows = await pool.fetch(
        """
        SELECT channel, coalesce(lane, 'interactive') AS lane, status, count(*) AS messages,
            greatest(0, extract(epoch FROM now() - min(requested_at)))::float8 AS oldest_seconds
        FROM tracker.message WHERE status IN ('queued', 'sending', 'waiting') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """
    )
    return [
        Waiting(Channel(row[0]), Lane(row[1]), Status(row[2]), row["messages"], row["oldest_seconds"]) for row in rows
    ]
