"""The history as it is read: pages of messages, and one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proactive_contracts.requests import SendRequested
from status_tracker.domain.conversations import OPEN
from status_tracker.domain.cursors import Position
from status_tracker.domain.decision import MessageKey
from status_tracker.domain.entries import Request
from status_tracker.storage.database import Pool, Record

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
class Remembered:
    """One message: its row, and the request that the row shows."""

    row: Record
    request: Request

    @property
    def position(self) -> Position:
        """Where a page that ends with it goes on."""
        return Position(self.row["requested_at"], self.row["message_id"])


async def page(
    pool: Pool, workspace_id: str, filters: Filters, after: Position | None, limit: int
) -> Sequence[Remembered]:
    """
    Messages of a workspace, newest first, after a position.

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
    rows = await pool.fetch(
        f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY requested_at DESC, message_id DESC LIMIT {int(limit)}",
        *values,
    )
    return [_remembered(row) for row in rows]


async def message(pool: Pool, key: MessageKey) -> Remembered | None:
    """One message of a workspace."""
    row = await pool.fetchrow(f"{_SELECT} WHERE workspace_id = $1 AND message_id = $2", *key)
    return None if row is None else _remembered(row)


def _remembered(row: Record) -> Remembered:
    return Remembered(row, Request(row["event_id"], row["asked_at"], SendRequested.model_validate(row["asked"])))
