"""Status events on their way to the broker."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from proactive_contracts.envelope import Event
from proactive_contracts.status import MessageStatusChanged
from status_tracker.domain.announcements import Announcement
from status_tracker.storage.database import Connection, Pool, Record, columns
from status_tracker.storage.reading import UNREADABLE, tell


@dataclass(frozen=True)
class Outgoing:
    """One that this process may publish now; without an `event` it cannot be read here."""

    seq: int
    event: Event[Any] | None


async def add(connection: Connection, announcements: Collection[Announcement]) -> None:
    """Put status events in line, in order."""
    await connection.execute(
        """
        INSERT INTO tracker.outgoing (workspace_id, channel, recipient, event)
        SELECT workspace_id, channel, recipient, event
        FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
            WITH ORDINALITY AS new (workspace_id, channel, recipient, event, place)
        ORDER BY place
        """,
        *columns(
            (told.workspace_id, told.channel, told.recipient, told.event.model_dump(mode="json", exclude_none=True))
            for told in announcements
        ),
    )


async def claim(pool: Pool, limit: int, lease_seconds: float) -> Sequence[Outgoing]:
    """
    The first of each workspace, channel and recipient that nobody else publishes now.

    The next one comes free when it is done, when the lease lapsed, or when it was put off as unpublishable: order is
    kept across replicas without a lock.
    """
    rows = await pool.fetch(
        """
        WITH first AS (
            SELECT seq FROM tracker.outgoing AS mine
            WHERE lease_until < now() AND NOT EXISTS (
                SELECT FROM tracker.outgoing AS other
                WHERE other.workspace_id = mine.workspace_id AND other.channel = mine.channel
                    AND other.recipient = mine.recipient AND other.seq < mine.seq
                    AND NOT other.put_off)
            ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
        UPDATE tracker.outgoing SET lease_until = now() + make_interval(secs => $2)
        FROM first WHERE outgoing.seq = first.seq
        RETURNING outgoing.seq, event
        """,
        limit,
        lease_seconds,
    )
    return [Outgoing(row["seq"], _event(row)) for row in rows]


def _event(row: Record) -> Event[Any] | None:
    try:
        return Event[MessageStatusChanged].model_validate(row["event"])
    except UNREADABLE as error:
        tell("status_event", error, seq=row["seq"])
        return None


async def done(pool: Pool, seqs: Sequence[int]) -> None:
    """The broker has them."""
    await pool.execute("DELETE FROM tracker.outgoing WHERE seq = ANY($1::bigint[])", seqs)


async def again(pool: Pool, seqs: Sequence[int], seconds: float) -> None:
    """They were not confirmed: free after a pause."""
    await pool.execute(
        "UPDATE tracker.outgoing SET lease_until = now() + make_interval(secs => $2) WHERE seq = ANY($1::bigint[])",
        seqs,
        seconds,
    )


async def put_off(pool: Pool, seqs: Sequence[int], seconds: float) -> None:
    """They cannot be published by this release: free after a pause, and nothing waits for them meanwhile."""
    await pool.execute(
        """
        UPDATE tracker.outgoing SET put_off = true, lease_until = now() + make_interval(secs => $2)
        WHERE seq = ANY($1::bigint[])
        """,
        seqs,
        seconds,
    )


async def backlog(pool: Pool) -> tuple[int, float]:
    """How many wait, and for how many seconds the oldest one does."""
    row = await pool.fetchrow(
        "SELECT count(*), coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8 FROM tracker.outgoing"
    )
    return (row[0], row[1]) if row else (0, 0.0)
