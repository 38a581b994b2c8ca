"""What is known of a person, by their number: how much there is, and its removal. A new table adds a statement here."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dispatcher.storage.retention import DONE
from runtime.postgres import Pool

_THEIRS = """workspace_id = $1 AND channel IN ('sms', 'whatsapp', 'viber') AND request->>'recipient' = $2"""

_ENDED = f"({DONE} AND (state <> 'unknown' OR since < now() - interval '1 minute'))"
"""A call whose outcome is unknown may still be answered for as long as one may take."""

_COUNT = f"""
SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting,
       count(*) FILTER (WHERE state <> 'waiting' AND NOT {_ENDED}) AS under_way,
       count(*) FILTER (WHERE {_ENDED}) AS ended
FROM dispatch.job WHERE {_THEIRS}
"""

_WAITING = f"SELECT message_id FROM dispatch.job WHERE {_THEIRS} AND state = 'waiting' ORDER BY message_id"

ERASE = (
    f"""
    UPDATE dispatch.job SET
        request = request - '{{content,recipient,contact,requested_by,thread}}'::text[],
        unclear = NULL, provider_message_id = 'erased',
        result = result - 'detail'
            || CASE WHEN result ? 'provider_message_id' THEN '{{"provider_message_id": "erased"}}' ELSE '{{}}' END::jsonb
    WHERE {_THEIRS} AND {_ENDED}
    """,
)
"""
$1 the workspace, $2 the number; each may run again, and all of them run in one transaction.

Providers' ids go as well, since WhatsApp's hold the number; something stands in their place, so that a late receipt
does not bring one back.
"""


@dataclass(frozen=True)
class Found:
    """How many jobs of a person wait, are under way (untold results included), and have ended."""

    waiting: int
    under_way: int
    ended: int


class PostgresErasing:
    """dispatcher.ports.Erasing on schema `dispatch`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def count(self, workspace_id: str, number: str) -> Found:
        """What is there."""
        row = await self._pool.fetchrow(_COUNT, workspace_id, number)
        assert row is not None, "a count has a row"
        return Found(*row)

    async def waiting(self, workspace_id: str, number: str) -> Sequence[UUID]:
        """The messages to them that have not left."""
        return [row["message_id"] for row in await self._pool.fetch(_WAITING, workspace_id, number)]

    async def erase(self, workspace_id: str, number: str) -> None:
        """Remove what has ended."""
        async with self._pool.acquire() as connection, connection.transaction():
            for statement in ERASE:
                await connection.execute(statement, workspace_id, number)
