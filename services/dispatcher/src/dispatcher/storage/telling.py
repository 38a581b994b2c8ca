"""Whose people are to be told that their jobs wait at a gate, and why: once for each reason, in whatever order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from dispatcher.domain.answers import ErrorClass, Refused
from dispatcher.domain.gates import Gate, Shut
from dispatcher.domain.states import HeldBack
from dispatcher.storage import gate_statements as sql
from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.reasons import FailureReason
from proactive_contracts.results import SendDeferred
from proactive_contracts.values import Lane
from runtime.postgres import Connection

TELLINGS = 50
"""So many at a time; agents' first."""

QUEUE_SECONDS = 5.0
"""Who waits for nothing but the sender's rate, or for a slot, is told after this."""

_LONGEST_GUESS = timedelta(seconds=60)

_GATES = ("", *Gate)
_DEFERRED = EVENT_TYPES[SendDeferred]

_QUEUED = Shut(
    Gate.RATE,
    Refused(
        ErrorClass.THROTTLED,
        FailureReason.CHANNEL_BUSY,
        "Others go first: this channel sends no more messages at a time than it is allowed to.",
    ),
    None,
)


@dataclass(frozen=True)
class Telling:
    """Locked rows with what is told, and whether there are more."""

    held: Sequence[tuple[asyncpg.Record, HeldBack]] = ()
    more: bool = False


async def tell(
    connection: Connection, shut: Mapping[UUID, Shut], queued: Collection[UUID], going: Sequence[asyncpg.Record]
) -> Telling:
    """Jobs of senders that are `shut`, and of those where they are `queued` for long; not those that are `going`."""
    asked = [(channel_id, told, 0.0) for channel_id, why in shut.items() for told in _GATES if told != why.gate]
    asked += [(channel_id, "", QUEUE_SECONDS) for channel_id in queued]
    rows = await connection.fetch(sql.UNTOLD, *map(list, zip(*asked, strict=True)), TELLINGS) if asked else []
    leaving = {(row["workspace_id"], row["message_id"]) for row in going}
    waiting = [
        (row, shut.get(row["channel_id"], _QUEUED))
        for row in rows
        if (row["workspace_id"], row["message_id"]) not in leaving
    ]
    noted = [(row["workspace_id"], row["message_id"], why.gate.value) for row, why in waiting]
    noted += [(row["workspace_id"], row["message_id"], "") for row in going if row["gate"]]
    if noted:  # what leaves is told anew, should it come back
        await connection.execute(sql.TOLD, *map(list, zip(*noted, strict=True)))
    held = [(row, _held_back(why, row)) for row, why in waiting if not _is_known(why, row)]
    return Telling(held, more=bool(shut) and len(rows) >= TELLINGS)


def _is_known(why: Shut, row: asyncpg.Record) -> bool:
    """Whether people read the same when the job was put off; what fails for them is never known."""
    if why.gate is Gate.BLOCKED and row["lane"] == Lane.INTERACTIVE:
        return False
    reason: str | None = row["result"].get("reason") if row["outcome"] == _DEFERRED else None
    return reason == why.why.reason


def _held_back(why: Shut, row: asyncpg.Record) -> HeldBack:
    """Where nobody knows for how long, it is looked at again before its time is over."""
    now: datetime = row["now"]
    return HeldBack(why.why, why.until or now + min(_LONGEST_GUESS, (row["not_after"] - now) / 2))
