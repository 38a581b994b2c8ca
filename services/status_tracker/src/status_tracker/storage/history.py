"""The history as it is read: pages of messages, and one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proactive_contracts.status import Status
from status_tracker.domain.conversations import OPEN
from status_tracker.domain.cursors import Position
from status_tracker.domain.decision import MessageKey
from status_tracker.domain.entries import Request
from status_tracker.storage.database import Pool, Record
from status_tracker.storage.reading import UNREADABLE, Unreadable, asked_of, readable, tell

_SELECT = f"""
    SELECT message.*, request.at AS asked_at, request.asked,
        ARRAY(
            SELECT opened.conversation_id FROM tracker.opened
            WHERE opened.workspace_id = message.workspace_id AND opened.message_id = message.message_id
            ORDER BY opened.recorded_at, opened.conversation_id) AS opened_conversation_ids,
        (SELECT effect.detail FROM tracker.effect
            WHERE effect.workspace_id = message.workspace_id AND effect.message_id = message.message_id
                AND effect.kind = '{OPEN}' AND effect.closed_at IS NOT NULL) AS open_failure
    FROM tracker.message
    JOIN tracker.request USING (workspace_id, message_id, event_id)
"""


@dataclass(frozen=True)
class Filters:
    """Which messages of a workspace are wanted; None: all."""

    conversation_id: str | None = None
    requested_by_id: str | None = None


@dataclass(frozen=True)
class Found:
    """A page of messages; `next_position` is where the next one goes on, None on the last one."""

    messages: "Sequence[Remembered]"
    next_position: Position | None


@dataclass(frozen=True)
class Remembered:
    """One message: its row, and the request that the row shows."""

    row: Record
    request: Request


async def page(pool: Pool, workspace_id: str, filters: Filters, after: Position | None, limit: int) -> Found:
    """
    At most `limit` messages of a workspace, newest first, after a position; those that cannot be read are left out.

    Only filters that are set reach the statement, so that each is served by its own index.
    """
    conditions = ["workspace_id = $1", "requested_at IS NOT NULL"]
    values: list[Any] = [workspace_id]
    for column, wanted in (
        ("conversation_id", filters.conversation_id),
        ("requested_by_id", filters.requested_by_id),
    ):
        if wanted is not None:
            values.append(wanted)
            conditions.append(f"{column} = ${len(values)}")
    if after is not None:
        values += [after.requested_at, after.message_id]
        conditions.append(f"(requested_at, message_id) < (${len(values) - 1}, ${len(values)})")
    where = " AND ".join(conditions)
    rows = await pool.fetch(
        f"{_SELECT} WHERE {where} ORDER BY requested_at DESC, message_id DESC LIMIT {int(limit) + 1}", *values
    )
    shown, more = rows[:limit], len(rows) > limit
    last = Position(shown[-1]["requested_at"], shown[-1]["message_id"]) if more else None
    return Found(readable(shown, _remembered, "message"), last)


async def message(pool: Pool, key: MessageKey) -> Remembered | None:
    """One message of a workspace. Raises Unreadable."""
    row = await pool.fetchrow(f"{_SELECT} WHERE workspace_id = $1 AND message_id = $2", *key)
    try:
        return None if row is None else _remembered(row)
    except UNREADABLE as error:
        tell("message", error, message_id=str(key[1]))
        raise Unreadable from error


def _remembered(row: Record) -> Remembered:
    Status(row["status"])  # a newer release may know more of them; what it writes elsewhere is read as it is
    return Remembered(row, Request(row["event_id"], row["asked_at"], asked_of(row["asked"])))
