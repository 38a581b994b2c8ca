"""What is remembered of a person: how much there is, and its removal. A new table adds its statement to one list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from status_tracker.domain.decision import MessageKey
from status_tracker.storage.database import Connection, Pool, columns
from status_tracker.storage.retention import ENDED, WITHOUT_TEXT

_WITHOUT_PERSON = f"({WITHOUT_TEXT}) - '{{recipient,contact}}'::text[]"

_OF = "FROM unnest($1::text[], $2::uuid[]) AS erased (workspace_id, message_id)"
_THAT = "{0}.workspace_id = erased.workspace_id AND {0}.message_id = erased.message_id"

OF_MESSAGES = (
    f"""
    UPDATE tracker.request SET asked = {_WITHOUT_PERSON} {_OF}
    WHERE {_THAT.format("request")}
    """,
    f"""
    UPDATE tracker.entry SET detail = NULL, provider_message_id = NULL {_OF}
    WHERE {_THAT.format("entry")} AND (detail IS NOT NULL OR provider_message_id IS NOT NULL)
    """,
    f"""
    DELETE FROM tracker.provider_message USING
        unnest($1::text[], $2::uuid[]) AS erased (workspace_id, message_id)
    WHERE {_THAT.format("provider_message")}
    """,
    f"UPDATE tracker.effect SET detail = NULL {_OF} WHERE {_THAT.format('effect')} AND closed_at IS NOT NULL",
    f"""
    DELETE FROM tracker.reply USING
        unnest($1::text[], $2::uuid[]) AS erased (workspace_id, message_id)
    WHERE {_THAT.format("reply")}
    """,
    f"""
    DELETE FROM tracker.reply USING tracker.opened,
        unnest($1::text[], $2::uuid[]) AS erased (workspace_id, message_id)
    WHERE {_THAT.format("opened")} AND reply.workspace_id = opened.workspace_id AND reply.sender IS NULL
        AND reply.event->'data'->>'conversation_id' = opened.conversation_id
    """,
    f"""
    UPDATE tracker.message SET recipient = NULL, detail = NULL, provider_message_id = NULL, text_digest = NULL,
        erased_at = coalesce(erased_at, now()), text_removed_at = coalesce(text_removed_at, now())
    {_OF} WHERE {_THAT.format("message")}
    """,
)
"""$1 the workspaces, $2 the messages; each may run again. WhatsApp's ids of messages hold the number: they go, too."""

VERSIONS = (
    f"""
    UPDATE tracker.request SET asked = {_WITHOUT_PERSON}
    WHERE workspace_id = $1 AND asked->>'recipient' = $2 AND message_id = ANY($3::uuid[])
    """,
)
"""$1 the workspace, $2 the number, $3 messages that have ended: another version of one may have gone elsewhere."""

OF_NUMBERS = (
    "DELETE FROM tracker.reply WHERE workspace_id = $1 AND sender = $2",
    "DELETE FROM tracker.outgoing WHERE workspace_id = $1 AND recipient = $2 AND put_off",
)
"""$1 the workspace, $2 the number."""

_MESSAGES = f"""
SELECT message_id, event_id IS NULL OR coalesce(recipient = $2, false) AS theirs,
    (event_id IS NULL OR coalesce({ENDED}, false)) AND NOT EXISTS (
        SELECT FROM tracker.outgoing WHERE outgoing.workspace_id = message.workspace_id
            AND outgoing.channel = message.channel AND outgoing.recipient = message.recipient
            AND NOT put_off) AS ended
FROM tracker.message
WHERE workspace_id = $1 AND ($3::uuid[] IS NULL OR message_id = ANY($3)) AND (message_id IN (
    SELECT message_id FROM tracker.request WHERE workspace_id = $1 AND asked->>'recipient' = $2)
    OR message_id = ANY($4::uuid[]) AND event_id IS NULL AND erased_at IS NULL)
ORDER BY message_id
"""
"""$1 the workspace, $2 the number, $3 only these messages, $4 theirs of which perhaps no request came here."""


@dataclass(frozen=True)
class Found:
    """Which messages of a person are under way (untold, unnoted ones included), how many ended; their replies."""

    under_way: Sequence[UUID]
    ended: int
    replies: int


async def find(
    pool: Pool, workspace_id: str, number: str, only: Sequence[UUID] | None, also: Sequence[UUID] = ()
) -> Found:
    """What is there; with `only`, of these messages, and no replies; `also` are theirs, though none may say so here."""
    messages = await pool.fetch(_MESSAGES, workspace_id, number, only, also)
    replies: int = await pool.fetchval(
        "SELECT count(*) FROM tracker.reply WHERE workspace_id = $1 AND sender = $2 AND $3::uuid[] IS NULL",
        workspace_id,
        number,
        only,
    )
    under_way = [row["message_id"] for row in messages if not row["ended"]]
    return Found(under_way, len(messages) - len(under_way), replies)


async def erase(
    pool: Pool, workspace_id: str, number: str, only: Sequence[UUID] | None, also: Sequence[UUID] = ()
) -> None:
    """Remove what has ended, and the replies."""
    about = (workspace_id, number, only, also)
    async with pool.acquire() as connection, connection.transaction():
        await _lock(connection, workspace_id, [row["message_id"] for row in await connection.fetch(_MESSAGES, *about)])
        ended = [row for row in await connection.fetch(_MESSAGES, *about) if row["ended"]]
        await erase_messages(connection, [(workspace_id, row["message_id"]) for row in ended if row["theirs"]])
        await _run(connection, VERSIONS, workspace_id, number, [row["message_id"] for row in ended])
        if only is None:
            await _run(connection, OF_NUMBERS, workspace_id, number)


async def erase_messages(connection: Connection, keys: Collection[MessageKey]) -> None:
    """Remove what is known of these messages' recipients, whose rows this transaction has locked."""
    if keys:
        await _run(connection, OF_MESSAGES, *columns(sorted(keys)))


async def _run(connection: Connection, statements: Sequence[str], *values: object) -> None:
    for statement in statements:
        await connection.execute(statement, *values)


async def _lock(connection: Connection, workspace_id: str, message_ids: Sequence[UUID]) -> None:
    """In the order in which the recorder locks: providers' ids, then messages."""
    for table, order in (("provider_message", "channel_id, provider_message_id"), ("message", "message_id")):
        await connection.execute(
            f"SELECT FROM tracker.{table} WHERE workspace_id = $1 AND message_id = ANY($2::uuid[]) "
            f"ORDER BY {order} FOR UPDATE",
            workspace_id,
            message_ids,
        )
