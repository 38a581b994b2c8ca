"""What a message's row shows: a pure function of the requests and entries known so far, in any order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from proactive_contracts.status import Status
from status_tracker.domain.entries import Entry, Request, Source
from status_tracker.domain.status import order


@dataclass(frozen=True)
class Shown:
    """
    The request that the row shows, and what counts for it in ascending order, the last one being the status.

    `provider` and `provider_message_id` may come from an earlier entry than the one that decided the status.
    """

    request: Request
    counted: tuple[Entry, ...]

    @property
    def decisive(self) -> Entry:
        """The entry that decides the status."""
        return self.counted[-1]

    @property
    def status(self) -> Status:
        """The status."""
        return _claimed(self.decisive)

    def since(self, entry: Entry) -> datetime:
        """When an entry's status began: no provider's clock puts it before the request."""
        return max(entry.at, self.request.at)

    def trace_from(self, entry: Entry) -> str:
        """Where what comes of an entry continues: in the request's trace, whichever its own is."""
        trace, entered = self.request.trace, entry.traceparent
        return trace if entered is None or entered[:35] != trace[:35] else entered

    @property
    def provider(self) -> str | None:
        """The provider that it went through, where somebody said."""
        return next((entry.provider for entry in reversed(self.counted) if entry.provider), None)

    @property
    def provider_message_id(self) -> str | None:
        """The provider's id of it, where somebody said."""
        found = (entry.provider_message_id for entry in reversed(self.counted) if entry.provider_message_id)
        return next(found, None)


def shown(requests: Collection[Request], entries: Collection[Entry]) -> Shown | None:
    """What to show; None until a request is known. `entries` holds everything that names the message."""
    if not requests:
        return None
    request = _chosen(requests, entries)
    counted = sorted((entry for entry in entries if counts(entry, request)), key=order)
    return Shown(request, tuple(counted)) if counted else None


def counts(entry: Entry, request: Request) -> bool:
    """Whether the entry has a say in the status of `request`."""
    return entry.status is not None and concerns(entry, request.event_id) and not misdirected(entry, request)


def concerns(entry: Entry, event_id: UUID) -> bool:
    """Whether it is about this version of the message; receipts only come for the one that was sent."""
    return entry.source is Source.RECEIPT or (entry.answers == event_id and not entry.is_refusal)


def misdirected(entry: Entry, request: Request) -> bool:
    """A receipt through another channel than the message's: somebody echoes an id that is not theirs."""
    return entry.source is Source.RECEIPT and entry.channel_id != request.asked.channel_id


def steps(before: Status | None, now: Shown) -> Sequence[Entry]:
    """
    The changes of status to tell listeners, oldest first, when the row said `before`.

    Events that were written together are told one by one, so that a busy tracker says the same as an idle one.
    """
    if now.status is before:
        return ()
    changes: list[Entry] = []
    for entry in now.counted:
        if not changes or changes[-1].status is not entry.status:
            changes.append(entry)
    known = [place for place, entry in enumerate(changes) if entry.status is before]
    if before is None:
        return changes
    return changes[known[-1] + 1 :] if known else changes[-1:]


def _chosen(requests: Collection[Request], entries: Collection[Entry]) -> Request:
    """
    The request that a dispatcher claimed; until one is known to be, the first that was made.

    A dispatcher claims one request per message. Only a refused one shows where nothing else is known yet.
    """
    if len(requests) == 1:
        return next(iter(requests))
    claimed = {entry.answers for entry in entries if entry.tells_claim}
    refused = {entry.answers for entry in entries if entry.is_refusal}

    def preference(request: Request) -> tuple[bool, bool, datetime, UUID]:
        event_id = request.event_id
        return event_id not in claimed, event_id in refused, request.at, event_id

    return min(requests, key=preference)


def _claimed(entry: Entry) -> Status:
    assert entry.status is not None, "only entries with a status are counted"
    return entry.status
