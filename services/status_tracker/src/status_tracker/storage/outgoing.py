"""Status events on their way to the broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proactive_contracts.codec import encode
from proactive_contracts.envelope import Event
from proactive_contracts.status import MessageStatusChanged
from status_tracker.domain.announcements import Announcement
from status_tracker.storage.database import Connection, Pool, Record, columns
from status_tracker.storage.reading import UNREADABLE, tell


@dataclass(frozen=True)
class Outgoing:
    """
    One that this process may publish now; without an `event` it cannot be read here. `body` is the event's bytes.

    `line`: the workspace, channel and recipient within which they leave in order.
    """

    seq: int
    line: tuple[str, str, str]
    event: Event[Any] | None
    body: bytes = b""


@dataclass(frozen=True)
class InLine:
    """What was put in line: those that are this process's to publish now, and whether there are others behind some."""

    leased: Sequence[Outgoing] = ()
    behind: bool = False


async def add(connection: Connection, announcements: Sequence[Announcement], lease_seconds: float) -> InLine:
    """Put status events in line, in order; those that nothing was in line before are ours for so long."""
    bodies = [encode(told.event) for told in announcements]
    rows = await connection.fetch(
        """
        INSERT INTO tracker.outgoing (workspace_id, channel, recipient, event, lease_until)
        SELECT workspace_id, channel, recipient, event::jsonb, CASE WHEN $5 > 0 AND NOT EXISTS (
                SELECT FROM tracker.outgoing AS other
                WHERE other.workspace_id = new.workspace_id AND other.channel = new.channel
                    AND other.recipient = new.recipient AND NOT other.put_off)
            THEN now() + make_interval(secs => $5) ELSE '-infinity' END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
            WITH ORDINALITY AS new (workspace_id, channel, recipient, event, place)
        ORDER BY place
        RETURNING seq, lease_until > now() AS leased
        """,
        *columns((*told.line, body.decode()) for told, body in zip(announcements, bodies, strict=True)),
        lease_seconds,
    )
    leased = [
        Outgoing(row["seq"], told.line, told.event, body)
        for row, told, body in zip(rows, announcements, bodies, strict=True)
        if row["leased"]
    ]
    return InLine(leased, behind=len(leased) < len(rows))


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
        RETURNING outgoing.seq, workspace_id, channel, recipient, event
        """,
        limit,
        lease_seconds,
    )
    return [_read(row) for row in rows]


def _read(row: Record) -> Outgoing:
    event = _event(row)
    line = row["workspace_id"], row["channel"], row["recipient"]
    return Outgoing(row["seq"], line, event, b"" if event is None else encode(event))


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
