"""Everything that was said about messages: requests, timeline entries, and receipts that wait for their message."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from status_tracker.domain.decision import MessageKey
from status_tracker.domain.entries import Entry, Request, Source
from status_tracker.domain.history import Shown, shown
from status_tracker.storage.database import Connection, Pool, Record, columns
from status_tracker.storage.reading import readable, request_of

_FIELDS = [field.name for field in fields(Entry) if field.name not in {"recorded_at", "traceparent"}]
_COLUMNS = ", ".join(_FIELDS)
_values = attrgetter(*_FIELDS)

_REMEMBER = f"""
    INSERT INTO tracker.entry ({_COLUMNS})
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[],
        $8::uuid[], $9::uuid[], $10::text[], $11::int[], $12::text[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::timestamptz[])
    ON CONFLICT (entry_id) DO NOTHING
    RETURNING entry_id
"""

_OF_MESSAGES = f"""
    SELECT {_COLUMNS}, recorded_at FROM tracker.entry
    JOIN unnest($1::text[], $2::uuid[]) AS wanted (workspace_id, message_id) USING (workspace_id, message_id)
"""


async def remember(connection: Connection, entries: Collection[Entry]) -> set[UUID]:
    """Keep entries; returns the ids of those that were not known yet. The order of insertion avoids deadlocks."""
    ordered = sorted(entries, key=lambda entry: entry.entry_id.int)
    rows = columns(_values(entry) for entry in ordered)
    return {row["entry_id"] for row in await connection.fetch(_REMEMBER, *rows)}


async def remember_requests(connection: Connection, requests: Iterable[Request]) -> None:
    """Keep what was asked for; one that is known stays as it is."""
    ordered = sorted(requests, key=lambda request: request.event_id.int)
    await connection.execute(
        """
        INSERT INTO tracker.request (workspace_id, message_id, event_id, at, asked, traceparent)
        SELECT workspace_id, message_id, event_id, at, asked::jsonb, traceparent
        FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[])
            AS new (workspace_id, message_id, event_id, at, asked, traceparent)
        ON CONFLICT DO NOTHING
        """,
        *columns(
            (
                request.asked.workspace_id,
                request.asked.message_id,
                request.event_id,
                request.at,
                request.asked.model_dump_json(),
                request.traceparent,
            )
            for request in ordered
        ),
    )


async def match_receipts(connection: Connection, entries: Collection[Entry]) -> dict[UUID, MessageKey]:
    """
    Bring results and receipts together that name the same provider's id, whichever came first.

    Returns the messages of the receipts that were matched now, by the receipt's entry id. The rows of
    tracker.provider_message are the lock that keeps two trackers from missing each other's half.
    """
    named = sorted(
        {
            (entry.workspace_id, entry.channel_id, entry.provider_message_id): entry.message_id
            for entry in sorted(entries, key=lambda entry: (entry.message_id is not None, entry.entry_id.int))
            if entry.provider_message_id
        }.items(),
        key=lambda item: item[0],
    )
    if not named:
        return {}
    ids = columns(key for key, _ in named)
    await connection.execute(
        """
        INSERT INTO tracker.provider_message AS known (workspace_id, channel_id, provider_message_id, message_id)
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[])
        ON CONFLICT (workspace_id, channel_id, provider_message_id)
        DO UPDATE SET message_id = coalesce(known.message_id, excluded.message_id)
        """,
        *ids,
        [message_id for _, message_id in named],
    )
    rows = await connection.fetch(
        """
        UPDATE tracker.entry SET message_id = known.message_id
        FROM tracker.provider_message AS known
        JOIN unnest($1::text[], $2::uuid[], $3::text[]) AS wanted (workspace_id, channel_id, provider_message_id)
            USING (workspace_id, channel_id, provider_message_id)
        WHERE entry.message_id IS NULL AND known.message_id IS NOT NULL
            AND entry.channel_id = known.channel_id AND entry.provider_message_id = known.provider_message_id
            AND entry.workspace_id = known.workspace_id
        RETURNING entry.entry_id, entry.workspace_id, entry.message_id
        """,
        *ids,
    )
    return {row["entry_id"]: (row["workspace_id"], row["message_id"]) for row in rows}


_TELL_UNMATCHED = f"""
    WITH waiting AS (
        (SELECT entry_id FROM tracker.entry
            WHERE message_id IS NULL AND NOT told_unmatched AND recorded_at < $1 ORDER BY recorded_at LIMIT $2)
        UNION ALL
        (SELECT entry_id FROM tracker.message JOIN tracker.entry USING (workspace_id, message_id)
            WHERE message.event_id IS NULL AND NOT told_unmatched AND recorded_at < $1 LIMIT $2))
    UPDATE tracker.entry SET told_unmatched = true
    WHERE entry_id IN (SELECT entry_id FROM waiting) AND NOT told_unmatched
    RETURNING {_COLUMNS}, recorded_at
"""


async def tell_unmatched(pool: Pool, before: datetime, limit: int) -> Sequence[Entry]:
    """
    What was recorded before then and still waits for its message, each told to one caller only.

    It goes on waiting: what is known of its message later still counts.
    """
    return readable(await pool.fetch(_TELL_UNMATCHED, before, limit), _entry, "entry")


async def entries_of(connection: Connection | Pool, keys: Sequence[MessageKey]) -> Mapping[MessageKey, list[Entry]]:
    """All entries of each message, in no order."""
    found: dict[MessageKey, list[Entry]] = defaultdict(list)
    for row in await connection.fetch(_OF_MESSAGES, *columns(keys)):
        found[row["workspace_id"], row["message_id"]].append(_entry(row))
    return found


async def timeline_of(pool: Pool, key: MessageKey) -> Sequence[Entry]:
    """What can be read of one message's entries, in no order: for people, never to decide anything by."""
    return readable(await pool.fetch(_OF_MESSAGES, *columns([key])), _entry, "entry")


async def requests_of(connection: Connection | Pool, keys: Sequence[MessageKey]) -> Mapping[MessageKey, list[Request]]:
    """All requests of each message, in no order."""
    rows = await connection.fetch(
        """
        SELECT workspace_id, message_id, event_id, at, asked, traceparent FROM tracker.request
        JOIN unnest($1::text[], $2::uuid[]) AS wanted (workspace_id, message_id) USING (workspace_id, message_id)
        """,
        *columns(keys),
    )
    found: dict[MessageKey, list[Request]] = defaultdict(list)
    for row in rows:
        request = request_of(row["event_id"], row["at"], row["asked"], row["traceparent"])
        found[row["workspace_id"], row["message_id"]].append(request)
    return found


async def shown_of(connection: Connection | Pool, key: MessageKey) -> Shown | None:
    """What one message's row shows, from all that is known of it."""
    requests = await requests_of(connection, [key])
    said = await entries_of(connection, [key])
    return shown(requests.get(key, ()), said.get(key, ()))


def _entry(row: Record) -> Entry:
    values = dict(row)
    values["source"] = Source(values["source"])
    values["status"] = values["status"] and Status(values["status"])
    values["reason"] = values["reason"] and FailureReason(values["reason"])
    return Entry(**values)
