"""What customers wrote back and teammates answered, kept as it came."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from proactive_contracts.envelope import Event
from proactive_contracts.receipts import ReplyReceived
from proactive_contracts.status import Status
from status_tracker.storage.database import Pool, Record
from status_tracker.storage.history import Remembered
from status_tracker.storage.reading import readable

LIMIT = 20
"""Replies to one message that its timeline shows, the latest ones."""

_TOLERANCE = timedelta(seconds=5)
"""Providers write the moment of a reply in whole seconds, and by their own clock."""

_NEVER_LEFT = [Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.NOT_SENT]


async def keep(pool: Pool, event: Event[Any]) -> bool:
    """Keep it; False where it was known already."""
    reply = event.data if isinstance(event.data, ReplyReceived) else None
    kept: str = await pool.execute(
        """
        INSERT INTO tracker.reply (event_id, workspace_id, event, channel_id, message_id, sender, received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
        """,
        event.id,
        event.data.workspace_id,
        event.model_dump(mode="json", exclude_none=True),
        reply and reply.channel_id,
        reply and reply.message_id,
        reply and address(reply.sender),
        reply and min(reply.received_at, event.time),
    )
    return kept.endswith(" 1")


async def to_message(pool: Pool, remembered: Remembered) -> Sequence[ReplyReceived]:
    """
    The replies to a message, oldest first.

    A reply belongs to the message that it names, else to the latest one before it to that address through that
    channel; one that never left is passed over where there is another. Decided here, so that a reply that comes
    before its message is known finds it all the same.
    """
    row = remembered.row
    rows = await pool.fetch(
        """
        SELECT event_id, event FROM tracker.reply
        WHERE workspace_id = $1 AND channel_id = $2 AND (message_id = $3 OR sender = $4) AND $3 = (
            SELECT message.message_id FROM tracker.message
            WHERE message.workspace_id = $1 AND message.channel_id = $2 AND (
                message.message_id = reply.message_id
                OR (message.recipient = reply.sender AND message.requested_at <= reply.received_at + $7::interval))
            ORDER BY message.message_id IS NOT DISTINCT FROM reply.message_id DESC,
                message.status = ANY($5::text[]), message.requested_at DESC
            LIMIT 1)
        ORDER BY received_at DESC, event_id LIMIT $6
        """,
        row["workspace_id"],
        row["channel_id"],
        row["message_id"],
        row["recipient"],
        _NEVER_LEFT,
        LIMIT,
        _TOLERANCE,
    )
    return readable(reversed(rows), _reply, "reply")


def _reply(row: Record) -> ReplyReceived:
    """The reply, received at the latest when we learned of it."""
    event = Event[ReplyReceived].model_validate(row["event"])
    return event.data.model_copy(update={"received_at": min(event.data.received_at, event.time)})


def address(sender: str) -> str:
    """As recipients are written: some providers leave the plus sign of a number out."""
    return f"+{sender}" if sender.isascii() and sender.isdigit() else sender
