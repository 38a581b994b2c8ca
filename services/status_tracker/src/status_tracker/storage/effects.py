"""What to do in Intercom: notes to write, conversations to open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from proactive_contracts.envelope import traceparent_of
from status_tracker.domain.conversations import LOOK, OPEN
from status_tracker.domain.decision import Change, MessageKey
from status_tracker.domain.notes import ON_OPENING, Kind
from status_tracker.storage.database import Connection, Pool, columns


@dataclass(frozen=True)
class Effect:
    """
    Something that this process may do now, until its lease ends.

    `kind` is a Kind of note, OPEN or LOOK; `conversation_id` is where a note goes.

    `may_exist`: an earlier attempt did not learn whether it wrote it. `attempts` counts this one, and fences: what
    an older attempt says about the effect is ignored.
    """

    effect_id: int
    key: MessageKey
    conversation_id: str | None
    kind: str
    recorded_at: datetime
    attempts: int
    may_exist: bool
    traceparent: str | None = None

    @property
    def workspace_id(self) -> str:
        """The workspace."""
        return self.key[0]

    @property
    def message_id(self) -> UUID:
        """The message that it is about."""
        return self.key[1]

    @property
    def trace(self) -> str:
        """The trace context that it belongs to."""
        return self.traceparent or traceparent_of(*self.key)


async def add(connection: Connection, changes: Collection[Change]) -> None:
    """Have the notes of `changes` written; each kind once per message."""
    await connection.execute(
        """
        INSERT INTO tracker.effect (workspace_id, message_id, conversation_id, kind, traceparent)
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT (workspace_id, message_id, kind) DO NOTHING
        """,
        *columns(
            (*change.key, change.shown.request.asked.thread.conversation_id, change.note, change.trace)
            for change in changes
        ),
    )


async def claim(pool: Pool, limit: int, lease_seconds: float, patience_seconds: float) -> Sequence[Effect]:
    """
    The first of each conversation that is due and that nobody else works on, and openings.

    Notes about a message wait for the conversation that is opened for it, but no longer than the patience lasts.
    """
    rows = await pool.fetch(
        """
        WITH first AS (
            SELECT effect_id, may_exist FROM tracker.effect AS mine
            WHERE closed_at IS NULL AND due_at <= now() AND lease_until < now() AND NOT EXISTS (
                SELECT FROM tracker.effect AS other
                WHERE other.workspace_id = mine.workspace_id AND other.conversation_id = mine.conversation_id
                    AND other.closed_at IS NULL AND other.effect_id < mine.effect_id)
                AND (kind = $4 OR NOT EXISTS (
                    SELECT FROM tracker.effect AS opening
                    WHERE opening.workspace_id = mine.workspace_id AND opening.message_id = mine.message_id
                        AND opening.kind = $4 AND opening.closed_at IS NULL
                        AND opening.recorded_at > now() - make_interval(secs => $3)))
            ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
        UPDATE tracker.effect
        SET lease_until = now() + make_interval(secs => $2), attempts = attempts + 1, may_exist = true
        FROM first WHERE effect.effect_id = first.effect_id
        RETURNING effect.effect_id, workspace_id, message_id, conversation_id, kind, recorded_at, attempts,
            first.may_exist, coalesce(effect.traceparent, (
                SELECT traceparent FROM tracker.request AS asked
                WHERE asked.workspace_id = effect.workspace_id AND asked.message_id = effect.message_id
                ORDER BY at LIMIT 1)) AS traceparent
        """,
        limit,
        lease_seconds,
        patience_seconds,
        OPEN,
    )
    return [
        Effect(
            row["effect_id"],
            (row["workspace_id"], row["message_id"]),
            row["conversation_id"],
            row["kind"],
            row["recorded_at"],
            row["attempts"],
            row["may_exist"],
            row["traceparent"],
        )
        for row in rows
    ]


async def is_overtaken(pool: Pool, effect: Effect) -> bool:
    """Whether a later note about the message's status waits behind this one: that one tells what is true now."""
    return bool(
        await pool.fetchval(
            """
            SELECT EXISTS (SELECT FROM tracker.effect WHERE workspace_id = $1 AND message_id = $2
                AND effect_id > $3 AND closed_at IS NULL AND kind <> ALL($4::text[]))
            """,
            *effect.key,
            effect.effect_id,
            [OPEN, LOOK, *ON_OPENING],
        )
    )


async def close(pool: Pool, effect: Effect, outcome: str, detail: str | None) -> None:
    """Done, or given up for the reason in `detail`; a note that did not wait for an opening is followed by another."""
    await pool.execute(
        """
        WITH closed AS (
            UPDATE tracker.effect SET closed_at = now(), outcome = $3, detail = $4
            WHERE effect_id = $1 AND attempts = $2 AND closed_at IS NULL
            RETURNING workspace_id, message_id, note_after)
        INSERT INTO tracker.effect (workspace_id, message_id, conversation_id, kind)
        SELECT workspace_id, message_id, message.conversation_id, $5 FROM closed
        JOIN tracker.message USING (workspace_id, message_id)
        WHERE note_after AND message.conversation_id IS NOT NULL
        ON CONFLICT (workspace_id, message_id, kind) DO NOTHING
        """,
        effect.effect_id,
        effect.attempts,
        outcome,
        detail,
        Kind.OPENED,
    )


async def again(pool: Pool, effect: Effect, seconds: float, detail: str, *, may_exist: bool) -> None:
    """Try again in `seconds`; `may_exist` says whether this attempt, or an earlier one, may have written it."""
    await pool.execute(
        """
        UPDATE tracker.effect
        SET due_at = now() + make_interval(secs => $3), lease_until = '-infinity', detail = $4, may_exist = $5
        WHERE effect_id = $1 AND attempts = $2 AND closed_at IS NULL
        """,
        effect.effect_id,
        effect.attempts,
        seconds,
        detail,
        may_exist,
    )


async def begin_write(pool: Pool, effect: Effect) -> int:
    """Count a write that is about to be made, and may turn out unclear; how many there are with it."""
    writes: int | None = await pool.fetchval(
        "UPDATE tracker.effect SET writes = writes + 1 WHERE effect_id = $1 AND attempts = $2 RETURNING writes",
        effect.effect_id,
        effect.attempts,
    )
    return writes or 0


async def not_written(pool: Pool, effect: Effect) -> None:
    """The write that was counted last is known not to have been made."""
    await pool.execute(
        "UPDATE tracker.effect SET writes = writes - 1 WHERE effect_id = $1 AND attempts = $2",
        effect.effect_id,
        effect.attempts,
    )


async def hold(pool: Pool, workspace_id: str, seconds: float) -> None:
    """Let what the workspace still wants in Intercom wait as well: its limit counts all requests of ours."""
    await pool.execute(
        """
        UPDATE tracker.effect SET due_at = greatest(due_at, now() + make_interval(secs => $2))
        WHERE workspace_id = $1 AND closed_at IS NULL AND lease_until < now()
        """,
        workspace_id,
        seconds,
    )


async def failed(pool: Pool, effect: Effect) -> int:
    """Note that this attempt ended in a way that nobody foresaw; how many did so far."""
    failures: int | None = await pool.fetchval(
        "UPDATE tracker.effect SET failures = failures + 1 WHERE effect_id = $1 AND attempts = $2 RETURNING failures",
        effect.effect_id,
        effect.attempts,
    )
    return failures or 0


async def backlog(pool: Pool) -> tuple[int, float]:
    """How many are open, and for how many seconds the oldest one is; a later look is not overdue, it is planned."""
    row = await pool.fetchrow(
        """
        SELECT count(*), coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8
        FROM tracker.effect WHERE closed_at IS NULL AND kind <> $1
        """,
        LOOK,
    )
    return (row[0], row[1]) if row else (0, 0.0)
