"""What is known of a person, by their number: how much there is, and its removal. A new table adds a statement here."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dispatcher.storage.retention import DONE
from runtime.postgres import Pool

_THEIRS = """workspace_id = $1 AND channel IN ('sms', 'whatsapp', 'viber') AND request->>'recipient' = $2
    AND ($3::uuid[] IS NULL OR message_id = ANY($3))"""

_ENDED = f"({DONE} AND (state <> 'unknown' OR since < now() - interval '1 minute'))"
"""A call whose outcome is unknown may still be answered for as long as one may take."""

_KNOWN = """workspace_id = $1 AND recipient = $2 AND ($3::uuid[] IS NULL OR EXISTS (
    SELECT FROM dispatch.job WHERE job.workspace_id = $1 AND job.message_id = ANY($3)
        AND job.channel_id = recipient.channel_id))"""
"""With only some messages: where these went, since one that was refused leaves an opt-out."""

_COUNT = f"""
SELECT array_agg(message_id ORDER BY message_id) FILTER (WHERE state = 'waiting') AS waiting,
       array_agg(message_id ORDER BY message_id) FILTER (WHERE state <> 'waiting' AND NOT {_ENDED}) AS under_way,
       array_agg(message_id ORDER BY message_id) FILTER (WHERE {_ENDED}) AS ended,
       (SELECT count(*) FROM dispatch.recipient WHERE {_KNOWN}) AS recipients
FROM dispatch.job WHERE {_THEIRS}
"""

ERASE = (
    f"""
    UPDATE dispatch.job SET
        request = request - '{{content,recipient,contact,requested_by,thread}}'::text[],
        unclear = NULL, provider_message_id = 'erased',
        result = result - 'detail'
            || CASE WHEN result ? 'provider_message_id' THEN '{{"provider_message_id": "erased"}}'::jsonb
                    ELSE '{{}}' END
    WHERE {_THEIRS} AND {_ENDED}
    """,
    f"""
    DELETE FROM dispatch.recipient WHERE {_KNOWN}
    """,
)
"""
$1 the workspace, $2 the number, $3 only these messages, NULL for all; each may run again, all in one transaction.

Providers' ids go as well, since WhatsApp's hold the number; something stands in their place, so that a late receipt
does not bring one back.
"""


@dataclass(frozen=True)
class Found:
    """
    Which jobs of a person wait, which are under way (untold results included), and which have ended.

    `recipients`: through how many channels it is known when they wrote or opted out.
    """

    waiting: Sequence[UUID]
    under_way: Sequence[UUID]
    ended: Sequence[UUID]
    recipients: int


class PostgresErasing:
    """Removal of a person from schema `dispatch`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, workspace_id: str, number: str, only: Sequence[UUID] | None) -> Found:
        """What is there; with `only`, of these messages."""
        row = await self._pool.fetchrow(_COUNT, workspace_id, number, only)
        assert row is not None, "a count has a row"
        return Found(row["waiting"] or (), row["under_way"] or (), row["ended"] or (), row["recipients"])

    async def erase(self, workspace_id: str, number: str, only: Sequence[UUID] | None) -> None:
        """Remove what has ended."""
        async with self._pool.acquire() as connection, connection.transaction():
            for statement in ERASE:
                await connection.execute(statement, workspace_id, number, only)
