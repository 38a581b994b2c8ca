"""
Which status wins: a total order over everything that was ever said about a message.

A text of which a part failed has failed, whatever is said of the other parts: of that nothing else wins.

The row shows the greatest entry, so the order in which events arrive cannot matter. The moment of an event never
decides: clocks differ, and receipts come late.
"""

from typing import Final
from uuid import UUID

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from status_tracker.domain.entries import Entry, Source

_RANKS: Final = {
    Status.QUEUED: 0,
    Status.NOT_CONFIRMED: 1,
    Status.SENDING: 2,
    Status.WAITING: 2,
    Status.UNKNOWN: 3,
    Status.CANCELLED: 4,
    Status.EXPIRED: 5,
    Status.NOT_SENT: 6,
    Status.SENT: 7,
    Status.FAILED: 8,
    Status.DELIVERED: 9,
    Status.READ: 10,
}
"""Sending and waiting share a rank: of these two, the later attempt wins."""

_WAITING_RANK: Final = _RANKS[Status.WAITING]

_SOURCES: Final = {
    Source.GATEWAY: 0,
    Source.SERVICE: 0,
    Source.CUSTOMER: 0,
    Source.SWEEP: 1,
    Source.PERSON: 2,
    Source.DISPATCHER: 3,
    Source.RECEIPT: 4,
}

_REASONS: Final[dict[FailureReason | None, int]] = {
    None: 0,
    FailureReason.OTHER: 1,
    **{reason: place for place, reason in enumerate(FailureReason, 2) if reason is not FailureReason.OTHER},
}
"""A reason that says something beats `other`, which beats none."""

_PARTIAL_RANK: Final = max(_RANKS.values()) + 1

Order = tuple[int, int, int, float, int, int, str, str, str, UUID]


def order(entry: Entry) -> Order:
    """
    Where an entry that claims a status stands; no two entries stand at the same place.

    By rank; among sending and waiting by attempt, then sending before waiting, and what is tried again later last; by
    source; by reason; and where all of these are equal by the provider's words and the entry's id, so that even ties
    end the same way every time.
    """
    if entry.status is None:
        raise ValueError(f"{entry.event} claims no status")
    rank = _PARTIAL_RANK if entry.is_partial else _RANKS[entry.status]
    contested = rank == _WAITING_RANK
    return (
        rank,
        (entry.attempt or 0) if contested else 0,
        int(contested and entry.status is Status.WAITING),
        entry.due_at.timestamp() if contested and entry.due_at else 0.0,
        _SOURCES[entry.source],
        _REASONS[entry.reason],
        entry.provider_code or "",
        entry.detail or "",
        entry.provider_message_id or "",
        entry.entry_id,
    )
