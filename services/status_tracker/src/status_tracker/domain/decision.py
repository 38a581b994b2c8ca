"""What to write when something new is known of a message."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from proactive_contracts.status import Status
from proactive_contracts.values import Lane
from status_tracker.domain.announcements import Announcement, announcements
from status_tracker.domain.conversations import opens
from status_tracker.domain.entries import Entry, Request
from status_tracker.domain.history import Shown, misdirected, shown
from status_tracker.domain.notes import Kind, due, kind_of

MessageKey = tuple[str, UUID]
"""The workspace and the message's id, which is unique within it."""


@dataclass(frozen=True)
class Known:
    """
    What a message's row said before: its status, how many changes were told, and the last note.

    `version`: another one each time that the row is written; None where there is none yet. `erased`: its person was,
    so that nothing is written to Intercom any more. `lane`: None until its request is known, and in rows of releases
    that did not keep it.
    """

    key: MessageKey
    status: Status | None
    revision: int
    noted: Kind | None
    version: int | None = None
    erased: bool = False
    lane: Lane | None = None


@dataclass(frozen=True)
class Change:
    """
    What the row says from now on, the status events to tell, the note to write, and whether to open a thread.

    `misdirected` are the receipts so far that came through another channel than the message's; `is_first`: nothing
    was shown of the message before.
    """

    key: MessageKey
    shown: Shown
    announcements: tuple[Announcement, ...]
    revision: int
    noted: Kind | None
    note: Kind | None
    opens: bool
    misdirected: tuple[Entry, ...] = ()
    is_first: bool = False
    lane: Lane | None = None

    @property
    def trace(self) -> str:
        """Where what is to be done of it continues."""
        return self.shown.trace_from(self.shown.decisive)


def decide(known: Known, requests: Collection[Request], entries: Collection[Entry], at: datetime) -> Change | None:
    """The change that everything known of a message amounts to; None until a request is known."""
    now = shown(requests, entries)
    if now is None:
        return None
    told = tuple(announcements(known.status, known.revision, now, at, erased=known.erased))
    writes = bool(told) and not known.erased
    has_thread = now.request.asked.thread.conversation_id is not None
    note = due(known.noted, kind_of(now.decisive)) if has_thread and writes else None
    opening = writes and opens(now.request.asked, now.status)
    astray = tuple(entry for entry in entries if misdirected(entry, now.request))
    revision, noted = known.revision + len(told), note or known.noted
    lane = now.request.lane or known.lane
    return Change(known.key, now, told, revision, noted, note, opening, astray, known.status is None, lane)
