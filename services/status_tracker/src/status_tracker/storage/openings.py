"""Intercom conversations that were, or are to be, opened for messages."""

from collections.abc import Collection, Sequence

from status_tracker.domain.conversations import LOOK, OPEN, Opening
from status_tracker.domain.decision import Change, MessageKey
from status_tracker.domain.notes import Kind
from status_tracker.storage.database import Connection, Pool, columns


async def add(connection: Connection, changes: Collection[Change]) -> None:
    """Have a conversation opened for each of these messages, once."""
    await connection.execute(
        """
        INSERT INTO tracker.effect (workspace_id, message_id, kind, traceparent)
        SELECT workspace_id, message_id, $4, traceparent
        FROM unnest($1::text[], $2::uuid[], $3::text[]) AS wanted (workspace_id, message_id, traceparent)
        ON CONFLICT (workspace_id, message_id, kind) DO NOTHING
        """,
        *columns((*change.key, change.trace) for change in changes),
        OPEN,
    )


async def record(pool: Pool, key: MessageKey, conversation_ids: Sequence[str]) -> None:
    """Remember conversations as opened for a message; one that belongs to another message stays with that."""
    workspace_id, message_id = key
    await pool.execute(
        """
        INSERT INTO tracker.opened (workspace_id, conversation_id, message_id)
        SELECT $1, conversation_id, $2 FROM unnest($3::text[]) AS found (conversation_id)
        ON CONFLICT (workspace_id, conversation_id) DO NOTHING
        """,
        workspace_id,
        message_id,
        conversation_ids,
    )


async def of_message(pool: Pool, key: MessageKey) -> Opening | None:
    """What became of the wish for a new conversation; None where none was to be opened so far."""
    row = await pool.fetchrow(
        """
        SELECT closed_at IS NOT NULL AS closed, detail, ARRAY(
            SELECT conversation_id FROM tracker.opened
            WHERE opened.workspace_id = effect.workspace_id AND opened.message_id = effect.message_id
            ORDER BY recorded_at, conversation_id) AS opened
        FROM tracker.effect WHERE workspace_id = $1 AND message_id = $2 AND kind = $3
        """,
        *key,
        OPEN,
    )
    if row is None:
        return None
    failed = row["closed"] and not row["opened"]
    return Opening(tuple(row["opened"]), row["detail"] if failed else None)


async def look_later(pool: Pool, key: MessageKey, seconds: float) -> None:
    """Have it looked for another conversation of this message, so many seconds after the last attempt to open one."""
    await pool.execute(
        """
        INSERT INTO tracker.effect AS effect (workspace_id, message_id, kind, due_at)
        VALUES ($1, $2, $3, now() + make_interval(secs => $4))
        ON CONFLICT (workspace_id, message_id, kind) DO UPDATE SET due_at = excluded.due_at
        WHERE effect.closed_at IS NULL
        """,
        *key,
        LOOK,
        seconds,
    )


async def note_found(pool: Pool, key: MessageKey) -> None:
    """Have a note written about the conversations, one of which was found only now, where the message has a thread."""
    await pool.execute(
        """
        INSERT INTO tracker.effect (workspace_id, message_id, conversation_id, kind)
        SELECT workspace_id, message_id, conversation_id, $3 FROM tracker.message
        WHERE workspace_id = $1 AND message_id = $2 AND conversation_id IS NOT NULL
        ON CONFLICT (workspace_id, message_id, kind) DO NOTHING
        """,
        *key,
        Kind.FOUND,
    )


async def note_afterwards(pool: Pool, key: MessageKey) -> bool:
    """Have a note of its own written when the opening ends; False where it has ended meanwhile."""
    done: str = await pool.execute(
        """
        UPDATE tracker.effect SET note_after = true
        WHERE workspace_id = $1 AND message_id = $2 AND kind = $3 AND closed_at IS NULL
        """,
        *key,
        OPEN,
    )
    return done.endswith(" 1")
