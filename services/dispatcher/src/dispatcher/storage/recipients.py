"""What is known of people at a sender: when they wrote, and whether they opted out."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from dispatcher.domain import gates
from dispatcher.domain.gates import Standing
from dispatcher.domain.recipients import address_of, opts_in
from dispatcher.storage.gate_statements import HOST_COLUMNS, SENDER_COLUMNS
from dispatcher.storage.senders import standing_of
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel
from runtime.postgres import Pool

_SEEN = """
INSERT INTO dispatch.recipient AS known (workspace_id, recipient, channel_id, seen_at, opted_in_at)
VALUES ($1, $2, $3, least($4, now()), CASE WHEN $5 THEN least($4, now()) END)
ON CONFLICT (workspace_id, recipient, channel_id) DO UPDATE
SET seen_at = greatest(known.seen_at, excluded.seen_at),
    opted_in_at = greatest(known.opted_in_at, excluded.opted_in_at)
"""

_REFUSED = """
ON CONFLICT (workspace_id, recipient, channel_id) DO UPDATE
SET opted_out_at = greatest(known.opted_out_at, excluded.opted_out_at),
    provider_code = CASE WHEN known.opted_out_at > excluded.opted_out_at THEN known.provider_code
                         ELSE excluded.provider_code END
"""

_OPTED_OUT = f"""
INSERT INTO dispatch.recipient AS known (workspace_id, recipient, channel_id, opted_out_at, provider_code)
VALUES ($1, $2, $3, now(), $4)
{_REFUSED}
"""

_REPORTED_OPTED_OUT = f"""
INSERT INTO dispatch.recipient AS known (workspace_id, recipient, channel_id, opted_out_at, provider_code)
SELECT workspace_id, request->>'recipient', channel_id, least($4, now()), $5 FROM dispatch.job
WHERE workspace_id = $1 AND message_id = $2 AND channel_id = $3 AND request->>'recipient' IS NOT NULL
{_REFUSED}
"""
"""The same from a receipt, which does not name the recipient."""

REACH = f"""
SELECT c.id AS channel_id, c.channel, s.host, clock_timestamp() AS now, {SENDER_COLUMNS}, {HOST_COLUMNS},
       coalesce(c.updated_at > s.opened_at AND c.updated_at < now() - interval '6 seconds', false) AS mended,
       r.seen_at, r.opted_out_at, r.provider_code AS opt_out_code,
       CASE WHEN r.opted_out_at > coalesce(r.opted_in_at, '-infinity') THEN NOT EXISTS (
           SELECT FROM dispatch.job j
           WHERE j.channel = c.channel AND j.request->>'recipient' = r.recipient AND j.channel_id = c.id
                 AND j.state = 'accepted' AND j.since > r.opted_out_at
                 AND coalesce(j.receipt, '') NOT IN ('failed', 'undelivered')) END AS opted_out
FROM directory.channel c
LEFT JOIN dispatch.sender s ON s.channel_id = c.id
LEFT JOIN dispatch.host h ON h.name = s.host
LEFT JOIN dispatch.recipient r ON r.workspace_id = c.workspace_id AND r.recipient = $2 AND r.channel_id = c.id
WHERE c.workspace_id = $1 AND c.enabled
"""
"""
A workspace's channels, and what each knows of one person; jobs are looked at only where they opted out.

mended: the channel was connected anew after its breaker opened, and every process has seen it by now.
"""


@dataclass(frozen=True)
class OptOut:
    """The newest message that the provider refused for this reason, with its code."""

    at: datetime
    provider_code: str | None


@dataclass(frozen=True)
class Reach:
    """A channel as it stands, and what it knows of one person; `opt_out` is None once it was lifted."""

    channel_id: UUID
    channel: Channel
    standing: Standing
    seen_at: datetime | None
    opt_out: OptOut | None


class Recipients:
    """What all replicas know of people."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def seen(self, reply: ReplyReceived) -> None:
        """A message of theirs came; the same any number of times, in any order."""
        place = reply.workspace_id, address_of(reply.sender), reply.channel_id
        await self._pool.execute(_SEEN, *place, reply.received_at, opts_in(reply.text))

    async def opted_out(self, request: SendRequested, provider_code: str | None) -> None:
        """The provider refused it because they had opted out."""
        place = request.workspace_id, request.recipient, request.channel_id
        await self._pool.execute(_OPTED_OUT, *place, provider_code)

    async def reported_opted_out(self, receipt: DeliveryReported) -> None:
        """The same, told by a receipt; nothing where no job of ours is known by it."""
        if receipt.message_id is not None:
            place = receipt.workspace_id, receipt.message_id, receipt.channel_id
            await self._pool.execute(_REPORTED_OPTED_OUT, *place, receipt.reported_at, receipt.provider_code)

    async def reach(self, workspace_id: str, recipient: str | None) -> list[Reach]:
        """Every connected channel of a workspace; nothing but how it stands where nobody is named."""
        return [_reach(row) for row in await self._pool.fetch(REACH, workspace_id, recipient)]


def _reach(row: asyncpg.Record) -> Reach:
    standing = standing_of(row)
    if row["mended"]:
        standing = replace(standing, sender=gates.mended(standing.sender, standing.now))
    opt_out = OptOut(row["opted_out_at"], row["opt_out_code"]) if row["opted_out"] else None
    return Reach(row["channel_id"], Channel(row["channel"]), standing, row["seen_at"], opt_out)
