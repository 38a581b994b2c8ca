"""The rows that the history shows: locked, written, and found when they wait for a sender for too long."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from proactive_contracts.envelope import text_digest
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, TextContent
from status_tracker.domain.decision import Change, Known, MessageKey
from status_tracker.domain.notes import Kind
from status_tracker.storage.database import Connection, Pool, columns


async def lock(connection: Connection, keys: Collection[MessageKey]) -> list[Known]:
    """
    Lock the messages' rows until the transaction ends, and make those that are not there.

    In one order everywhere, so that no two transactions wait for each other.
    """
    arrays = columns(sorted(keys))
    await connection.execute(
        """
        INSERT INTO tracker.message (workspace_id, message_id)
        SELECT * FROM unnest($1::text[], $2::uuid[]) ON CONFLICT DO NOTHING
        """,
        *arrays,
    )
    rows = await connection.fetch(
        """
        SELECT workspace_id, message_id, status, revision, noted, erased_at FROM tracker.message
        JOIN unnest($1::text[], $2::uuid[]) AS wanted (workspace_id, message_id) USING (workspace_id, message_id)
        ORDER BY workspace_id, message_id FOR UPDATE OF message
        """,
        *arrays,
    )
    return [
        Known(
            (row["workspace_id"], row["message_id"]),
            row["status"] and Status(row["status"]),
            row["revision"],
            row["noted"] and Kind(row["noted"]),
            row["erased_at"] is not None,
        )
        for row in rows
    ]


async def save(connection: Connection, changes: Collection[Change]) -> None:
    """Write what the rows show from now on."""
    await connection.execute(
        """
        UPDATE tracker.message AS message SET
            event_id = new.event_id, channel = new.channel, channel_id = new.channel_id, recipient = new.recipient,
            conversation_id = new.conversation_id, requested_by_id = new.requested_by_id,
            requested_at = new.requested_at, not_after = new.not_after, status = new.status,
            status_at = new.status_at, reason = new.reason, detail = new.detail, provider = new.provider,
            provider_code = new.provider_code, provider_message_id = new.provider_message_id,
            revision = new.revision, noted = new.noted, due_at = new.due_at,
            text_digest = CASE WHEN message.text_removed_at IS NULL THEN new.text_digest END
        FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[], $10::timestamptz[], $11::text[], $12::timestamptz[], $13::text[], $14::text[],
            $15::text[], $16::text[], $17::text[], $18::int[], $19::text[],
            $20::timestamptz[], $21::text[])
            AS new (workspace_id, message_id, event_id, channel, channel_id, recipient, conversation_id,
                requested_by_id, requested_at, not_after, status, status_at, reason, detail, provider,
                provider_code, provider_message_id, revision, noted, due_at, text_digest)
        WHERE message.workspace_id = new.workspace_id AND message.message_id = new.message_id
        """,
        *columns(_row(change) for change in changes),
    )


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
    )


@dataclass(frozen=True)
class Undecided:
    """A message whose time is over, and of which nobody has said how it ended."""

    key: MessageKey
    status: Status
    event_id: UUID
    channel_id: UUID


async def undecided(pool: Pool, read_up_to: datetime, grace_seconds: float, limit: int) -> Sequence[Undecided]:
    """
    Messages of whose end no dispatcher spoke by not_after plus the grace, the oldest first.

    Only those are judged whose time ran out before `read_up_to`: whatever was said by then has been read.
    """
    rows = await pool.fetch(
        """
        SELECT workspace_id, message_id, status, event_id, channel_id FROM tracker.message
        WHERE status IN ('queued', 'sending', 'waiting')
            AND not_after < least(now(), $1) - make_interval(secs => $2) AND judge_after < now()
        ORDER BY not_after LIMIT $3
        """,
        read_up_to,
        grace_seconds,
        limit,
    )
    return [
        Undecided((row["workspace_id"], row["message_id"]), Status(row["status"]), row["event_id"], row["channel_id"])
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
