"""
Fills the tracker's tables with messages that look like a busy workspace's, by SQL alone.

One workspace holds all of them, the worst case for every filter. Random, but the same each time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Admin, Channel, Contact, TextContent, Thread
from runtime.postgres import Connection

WORKSPACE = "bench"
BEGIN = datetime(2025, 11, 22, tzinfo=UTC)
SPAN = timedelta(days=365)

NUMBERS_PER_MESSAGE = 0.25
CONVERSATIONS_PER_MESSAGE = 0.2
TEAMMATES = 200

BATCH = 250_000

_CHANNELS = (("sms", 0.70), ("whatsapp", 0.25), ("viber", 0.05))
_STATUSES = (
    ("delivered", 0.60),
    ("read", 0.20),
    ("sent", 0.12),
    ("failed", 0.05),
    ("expired", 0.012),
    ("cancelled", 0.008),
    ("unknown", 0.006),
    ("not_confirmed", 0.002),
    ("waiting", 0.0015),
    ("sending", 0.0003),
    ("queued", 0.0002),
)
"""No message is not_sent: a filter for it has to find nothing in all of them."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Filled:
    """What there is to look for."""

    rows: int

    @property
    def numbers(self) -> int:
        """How many different numbers were written to, about."""
        return max(1, int(self.rows * NUMBERS_PER_MESSAGE))

    @property
    def conversations(self) -> int:
        """How many conversations there are, about."""
        return max(1, int(self.rows * CONVERSATIONS_PER_MESSAGE))


async def fill(connection: Connection, rows: int, say: Say) -> Filled:
    """Fill the empty tables `message` and `request`: without logging, indexes last, as a restored copy would be."""
    filled = Filled(rows)
    for table in ("message", "request"):
        await connection.execute(f"ALTER TABLE tracker.{table} SET UNLOGGED")
    indexes = await _drop_indexes(connection)
    await connection.execute("SELECT setseed(0.25)")
    for first in range(1, rows + 1, BATCH):
        last = min(rows, first + BATCH - 1)
        await connection.execute(_FILL.format(first=first, last=last, **_shape(filled)), _asked(), timeout=None)
        say(f"{last:,} messages")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for statement in indexes:
        await connection.execute(statement, timeout=None)
    say(f"{len(indexes)} indexes and keys")
    await connection.execute("VACUUM (ANALYZE) tracker.message", timeout=None)
    await connection.execute("VACUUM (ANALYZE) tracker.request", timeout=None)
    return filled


def number(place: int) -> str:
    """One of the numbers that were written to."""
    return f"+49151{place:08d}"


async def _drop_indexes(connection: Connection) -> list[str]:
    """Take the two tables' indexes and keys away; what makes them again, as it was."""
    keys = await connection.fetch(
        """
        SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS what FROM pg_constraint
        WHERE contype = 'p' AND conrelid IN ('tracker.message'::regclass, 'tracker.request'::regclass)
        """
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['of']} DROP CONSTRAINT {key['name']}")
    others = await connection.fetch(
        "SELECT indexname AS name, indexdef AS what FROM pg_indexes "
        "WHERE schemaname = 'tracker' AND tablename IN ('message', 'request')"
    )
    for index in others:
        await connection.execute(f"DROP INDEX tracker.{index['name']}")
    made = [f"ALTER TABLE {key['of']} ADD CONSTRAINT {key['name']} {key['what']}" for key in keys]
    return [*made, *(index["what"] for index in others)]


def _shape(filled: Filled) -> dict[str, object]:
    return {
        "channel": _drawn("drawn.channel", _CHANNELS),
        "status": _drawn("drawn.status", _STATUSES),
        "begin": BEGIN.isoformat(),
        "step": SPAN.total_seconds() / filled.rows,
        "numbers": filled.numbers,
        "conversations": filled.conversations,
        "teammates": TEAMMATES,
        "workspace": WORKSPACE,
    }


def _drawn(dice: str, shares: tuple[tuple[str, float], ...]) -> str:
    """A CASE that turns a number below 1 into one of these, in these shares."""
    cases, below = [], 0.0
    for name, share in shares[:-1]:
        below += share
        cases.append(f"WHEN {dice} < {below:.4f} THEN '{name}'")
    return f"CASE {' '.join(cases)} ELSE '{shares[-1][0]}' END"


_FILL = """
    WITH made AS (
        INSERT INTO tracker.message (workspace_id, message_id, event_id, channel, channel_id, recipient,
            conversation_id, requested_by_id, requested_at, not_after, status, status_at, provider,
            provider_message_id, revision)
        SELECT '{workspace}', md5('message' || n)::uuid, md5('event' || n)::uuid, {channel},
            '0b5ad1a0-0000-4000-8000-000000000001'::uuid,
            '+49151' || lpad(floor(drawn.number * {numbers})::bigint::text, 8, '0'),
            CASE WHEN drawn.teammate < 0.9 THEN floor(drawn.conversation * {conversations})::bigint::text END,
            CASE WHEN drawn.teammate < 0.9 THEN 't' || floor({teammates} * power(drawn.teammate / 0.9, 3))::int END,
            '{begin}'::timestamptz + n * {step} * interval '1 second',
            '{begin}'::timestamptz + (n * {step} + 900) * interval '1 second',
            {status}, '{begin}'::timestamptz + (n * {step} + 5) * interval '1 second', 'twilio',
            'SM' || md5('provider' || n), 3
        FROM (
            SELECT n, random() AS channel, random() AS status, random() AS number, random() AS conversation,
                random() AS teammate
            FROM generate_series({first}, {last}) AS n) AS drawn
        RETURNING *)
    INSERT INTO tracker.request (workspace_id, message_id, event_id, at, asked)
    SELECT workspace_id, message_id, event_id, requested_at, $1::jsonb || jsonb_build_object(
        'message_id', message_id, 'channel', channel, 'recipient', recipient, 'not_after', not_after,
        'requested_by', CASE WHEN requested_by_id IS NULL THEN '{{"kind": "service", "name": "billing"}}'::jsonb
            ELSE jsonb_build_object('kind', 'admin', 'id', requested_by_id, 'name', 'Maria Lopez') END,
        'thread', jsonb_build_object('conversation_id', conversation_id, 'open_new', false))
    FROM made
"""
"""Teammates are not alike: the busiest of them writes about a sixth of everything."""


def _asked() -> dict[str, object]:
    """What every request has in common; the text is as long as two segments of an SMS."""
    return SendRequested(
        message_id=UUID(int=0),
        workspace_id=WORKSPACE,
        channel=Channel.SMS,
        channel_id=UUID("0b5ad1a0-0000-4000-8000-000000000001"),
        recipient=number(0),
        content=TextContent(text="Your parcel is on its way and comes today between two and four. " * 4),
        requested_by=Admin(id="t0", name="Maria Lopez"),
        contact=Contact(id="6657add46abd0167d9419001", role="user", name="Anna Schmidt"),
        thread=Thread(),
        not_after=BEGIN + SPAN,
    ).model_dump(mode="json")
