"""What is removed after its time, in small batches; what is under way, or still to be noted, is never touched."""

from directory.retention import Kept
from status_tracker.storage.database import Pool

BATCH = 200

ENDED = """status NOT IN ('queued', 'sending', 'waiting') AND NOT EXISTS (
    SELECT FROM tracker.effect WHERE effect.workspace_id = message.workspace_id
        AND effect.message_id = message.message_id AND effect.closed_at IS NULL)"""
"""Nothing happens to the message any more by itself: what is to stand in Intercom stands there, too."""

WITHOUT_TEXT = """asked - 'content'
    || CASE WHEN asked ? 'content' THEN jsonb_build_object('kind', asked->'content'->'kind') ELSE '{}' END"""
"""What is left of a request: whether it was a text or a template is still told."""

REMOVE_TEXTS = f"""
WITH old AS (
    SELECT workspace_id, message_id FROM tracker.message
    WHERE workspace_id = $1 AND requested_at < now() - make_interval(days => $2) AND text_removed_at IS NULL
        AND {ENDED}
    ORDER BY requested_at LIMIT $3 FOR UPDATE SKIP LOCKED),
asked AS (
    UPDATE tracker.request SET asked = {WITHOUT_TEXT}
    FROM old WHERE request.workspace_id = old.workspace_id AND request.message_id = old.message_id)
UPDATE tracker.message SET text_removed_at = now(), text_kept_days = $2, text_digest = NULL
FROM old WHERE message.workspace_id = old.workspace_id AND message.message_id = old.message_id
"""

REMOVE_LATE_TEXTS = f"""
WITH old AS (
    SELECT workspace_id, message_id, request.event_id FROM tracker.request JOIN tracker.message
        USING (workspace_id, message_id)
    WHERE workspace_id = $1 AND at < now() - make_interval(days => $2) AND asked ? 'content'
        AND text_removed_at IS NOT NULL
    ORDER BY at LIMIT $3 FOR UPDATE OF request SKIP LOCKED)
UPDATE tracker.request SET asked = {WITHOUT_TEXT}
FROM old WHERE request.workspace_id = old.workspace_id AND request.message_id = old.message_id
    AND request.event_id = old.event_id
"""
"""Of versions that were asked for when their message's text had gone already."""

REMOVE_REPLY_TEXTS = """
WITH old AS (
    SELECT event_id FROM tracker.reply
    WHERE workspace_id = $1 AND recorded_at < now() - make_interval(days => $2) AND event->'data' ? 'text'
    ORDER BY recorded_at LIMIT $3 FOR UPDATE SKIP LOCKED)
UPDATE tracker.reply SET event = event #- '{data,text}' FROM old WHERE reply.event_id = old.event_id
"""

_OF_OLD = "USING old WHERE {0}.workspace_id = old.workspace_id AND {0}.message_id = old.message_id"
_WITH_ALL_OF_OLD = ", ".join(
    f"gone_{table} AS (DELETE FROM tracker.{table} {_OF_OLD.format(table)})"
    for table in ("request", "entry", "provider_message", "effect", "opened", "reply")
)
_LONG_AGO = "now() - make_interval(months => $2)"

REMOVE_MESSAGES = f"""
WITH old AS (
    SELECT workspace_id, message_id FROM tracker.message
    WHERE workspace_id = $1 AND requested_at < {_LONG_AGO} AND not_after < now() - interval '30 days' AND {ENDED}
    ORDER BY requested_at LIMIT $3 FOR UPDATE SKIP LOCKED),
{_WITH_ALL_OF_OLD}
DELETE FROM tracker.message {_OF_OLD.format("message")}
"""

REMOVE_UNREQUESTED = f"""
WITH old AS (
    SELECT workspace_id, message_id FROM tracker.message
    WHERE workspace_id = $1 AND requested_at IS NULL AND NOT EXISTS (
        SELECT FROM tracker.entry WHERE entry.workspace_id = message.workspace_id
            AND entry.message_id = message.message_id AND entry.recorded_at >= {_LONG_AGO})
    ORDER BY message_id LIMIT $3 FOR UPDATE SKIP LOCKED),
{_WITH_ALL_OF_OLD}
DELETE FROM tracker.message {_OF_OLD.format("message")}
"""
"""What only results or receipts named, and nobody was ever heard to ask for."""

REMOVE_REPLIES = f"""
WITH old AS (
    SELECT event_id FROM tracker.reply WHERE workspace_id = $1 AND recorded_at < {_LONG_AGO}
    ORDER BY recorded_at LIMIT $3 FOR UPDATE SKIP LOCKED)
DELETE FROM tracker.reply USING old WHERE reply.event_id = old.event_id
"""

REMOVE_UNMATCHED = f"""
WITH old AS (
    SELECT entry_id, channel_id, provider_message_id FROM tracker.entry
    WHERE workspace_id = $1 AND message_id IS NULL AND recorded_at < {_LONG_AGO}
    ORDER BY recorded_at LIMIT $3 FOR UPDATE SKIP LOCKED),
named AS (
    DELETE FROM tracker.provider_message USING old WHERE provider_message.workspace_id = $1
        AND provider_message.channel_id = old.channel_id
        AND provider_message.provider_message_id = old.provider_message_id AND provider_message.message_id IS NULL)
DELETE FROM tracker.entry USING old WHERE entry.entry_id = old.entry_id
"""
"""Receipts whose message was never known."""

TEXTS = (REMOVE_TEXTS, REMOVE_LATE_TEXTS, REMOVE_REPLY_TEXTS)
"""$1 the workspace, $2 days, $3 how many at most."""

REST = (REMOVE_MESSAGES, REMOVE_UNREQUESTED, REMOVE_REPLIES, REMOVE_UNMATCHED)
"""$1 the workspace, $2 months, $3 how many at most."""


async def remove(pool: Pool, of: Kept, limit: int = BATCH) -> tuple[int, int, bool]:
    """Remove one batch of each kind: how many texts went, how much of the rest, and whether there may be more."""
    texts = [await _removed(pool, statement, of.workspace_id, of.text_days, limit) for statement in TEXTS]
    rest = [await _removed(pool, statement, of.workspace_id, of.rest_months, limit) for statement in REST]
    return sum(texts), sum(rest), max(*texts, *rest) >= limit


async def _removed(pool: Pool, statement: str, workspace_id: str, time: int, limit: int) -> int:
    done: str = await pool.execute(statement, workspace_id, time, limit)
    return int(done.split()[-1])
