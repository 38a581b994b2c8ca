"""The history as it is read: pages of messages, and one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from proactive_contracts.status import Status
from status_tracker.domain.conversations import OPEN
from status_tracker.domain.cursors import Position
from status_tracker.domain.decision import MessageKey
from status_tracker.domain.entries import Request
from status_tracker.domain.searches import Ending, Search
from status_tracker.storage.database import Pool, Record
from status_tracker.storage.filters import Filters, ending_in, wanted
from status_tracker.storage.reading import UNREADABLE, Unreadable, readable, request_of, tell

MAX_NUMBERS = 20
"""Numbers that one search may stand for."""

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
    LEFT JOIN tracker.request USING (workspace_id, message_id, event_id)
"""


NOT_SENT = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.NOT_SENT})
"""Where it is certain that the customer has not got it, unless a part of it arrived."""

REPEATED = f"""
    WITH RECURSIVE resent (message_id) AS (
        SELECT $7::uuid
        UNION
        SELECT (asked->>'resend_of')::uuid FROM resent JOIN tracker.request USING (message_id)
        WHERE request.workspace_id = $1 AND asked ? 'resend_of')
    {_SELECT}
    WHERE workspace_id = $1 AND recipient = $3 AND text_digest = $4 AND message_id <> $2
        AND (requested_at > now() - make_interval(secs => $5)
            OR not_after > now() - make_interval(secs => $5)
                AND (status IN ('queued', 'sending', 'waiting') OR status_at > now() - make_interval(secs => $5)))
        AND (status <> ALL($6::text[]) OR reason = 'partial')
        AND request.asked IS NOT NULL AND message_id <> ALL(SELECT message_id FROM resent WHERE message_id IS NOT NULL)
        AND NOT EXISTS (SELECT FROM tracker.request known WHERE known.workspace_id = $1 AND known.message_id = $2)
    ORDER BY requested_at DESC, message_id DESC LIMIT 1
"""


class TooManyNumbers(Exception):
    """More numbers than MAX_NUMBERS end in the digits that were searched for."""


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

    Raises:
        TooManyNumbers: more digits are needed to say whose messages are wanted.
    """
    statement = wanted(workspace_id, filters, await _numbers(pool, workspace_id, filters.search), after)
    rows = await pool.fetch(
        f"WITH place AS ({statement.places(limit + 1)}) {_SELECT} JOIN place USING (requested_at, message_id) "
        "WHERE workspace_id = $1 ORDER BY requested_at DESC, message_id DESC",
        *statement.values,
    )
    shown, more = rows[:limit], len(rows) > limit
    last = Position(shown[-1]["requested_at"], shown[-1]["message_id"]) if more else None
    return Found(readable(shown, _remembered, "message"), last)


async def _numbers(pool: Pool, workspace_id: str, search: Search | None) -> Sequence[str]:
    """The recipients that a search stands for."""
    if not isinstance(search, Ending):
        return [search] if isinstance(search, str) else []
    statement, values = ending_in(workspace_id, search, MAX_NUMBERS + 1)
    found = [row["number"] for row in await pool.fetch(statement, *values)]
    if len(found) > MAX_NUMBERS:
        raise TooManyNumbers
    return found


async def repeated(
    pool: Pool,
    key: MessageKey,
    recipient: str,
    text_digest: str,
    within_seconds: float,
    resend_of: UUID | None = None,
) -> Remembered | None:
    """
    The newest message to somebody with that text, unless it is certain that nothing of it was sent.

    Asked for within that time, or put off for so long that it has yet to leave, or left a moment ago. Nothing where the
    message `key`, which would repeat it, is known already: it repeats nothing any more. What it is a re-send of is none
    either, nor what that one repeats. Raises Unreadable.
    """
    row = await pool.fetchrow(REPEATED, *key, recipient, text_digest, within_seconds, sorted(NOT_SENT), resend_of)
    return None if row is None else _read(row)


async def message(pool: Pool, key: MessageKey) -> Remembered | None:
    """One message of a workspace. Raises Unreadable."""
    row = await pool.fetchrow(
        f"{_SELECT} WHERE workspace_id = $1 AND message_id = $2 AND request.asked IS NOT NULL", *key
    )
    return None if row is None else _read(row)


def _read(row: Record) -> Remembered:
    try:
        return _remembered(row)
    except UNREADABLE as error:
        tell("message", error, message_id=str(row["message_id"]))
        raise Unreadable from error


def _remembered(row: Record) -> Remembered:
    Status(row["status"])  # a newer release may know more of them; what it writes elsewhere is read as it is
    return Remembered(row, request_of(row["event_id"], row["asked_at"], row["asked"]))
