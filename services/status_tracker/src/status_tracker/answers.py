"""The shapes of the history API, from which its OpenAPI description is made."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReplyReceived
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Channel, Contact
from status_tracker.domain.entries import Entry, Request, Source
from status_tracker.domain.history import concerns, misdirected
from status_tracker.domain.moments import believed, latest
from status_tracker.domain.notes import readable
from status_tracker.domain.status import order
from status_tracker.storage.history import Remembered

MAX_REPLY = 4096
"""Characters of a customer's reply that a timeline repeats."""


class Requester(BaseModel):
    """Who asked for it; a service has a name only."""

    kind: Literal["admin", "service"]
    id: str | None
    name: str


class Message(BaseModel):
    """A message and what became of it."""

    message_id: UUID
    event_id: UUID = Field(description="The request that is shown: the one that a dispatcher claimed.")
    workspace_id: str
    channel: Channel
    channel_id: UUID
    recipient: str = Field(description="Empty once the person was erased.")
    kind: Literal["text", "template"]
    text: str | None = Field(description="Null once it was removed.")
    text_removed_at: datetime | None = Field(description="When the text was removed.")
    text_kept_days: int | None = Field(description="How long texts were kept then; null where it went with its person.")
    erased_at: datetime | None = Field(description="When an operator erased the person: text, number, name, replies.")
    requested_by: Requester
    contact: Contact | None
    conversation_id: str | None
    requested_at: datetime
    not_after: datetime
    resend_of: UUID | None
    open_new: bool = Field(description="Whether a new Intercom conversation was asked for.")
    opened_conversation_ids: list[str] = Field(
        description="Where it is; more than one where Intercom left an attempt unanswered that it had done."
    )
    open_failure: str | None = Field(description="Why it cannot be opened, once that is final.")
    status: Status
    status_at: datetime
    reason: FailureReason | None
    detail: str | None = Field(
        description="The provider's own words, or ours where none was asked; who stopped it, or said what became of it."
    )
    due_at: datetime | None = Field(
        description="When a message that is `waiting` is tried again, never after not_after; null otherwise."
    )
    provider: str | None
    provider_code: str | None
    provider_message_id: str | None


class TimelineEntry(BaseModel):
    """Something that was said about a message."""

    at: datetime = Field(description="A provider's own stamp, unless it is before the request or after we got it.")
    event: str
    status: Status | None
    source: Source
    attempt: int | None
    reason: FailureReason | None = Field(description="Why it failed, or is tried again later.")
    due_at: datetime | None = Field(description="When it was to be tried again, where it was put off.")
    provider_code: str | None
    detail: str | None = Field(
        description="The provider's own words, or ours where none was asked; who decided; of a reply, its text."
    )
    for_this_request: bool = Field(description="False where it is about another version of the message.")


class MessageWithTimeline(Message):
    """A message with everything that was said about it, oldest first."""

    timeline: list[TimelineEntry]


class Page(BaseModel):
    """Messages, newest first."""

    messages: list[Message]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class Problem(BaseModel):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str


def as_message(remembered: Remembered) -> Message:
    """A message as the API gives it."""
    return Message.model_validate(_fields(remembered))


def as_message_with_timeline(
    remembered: Remembered, entries: Iterable[Entry], replies: Iterable[ReplyReceived]
) -> MessageWithTimeline:
    """A message with its timeline; receipts that somebody sent for it through another channel are left out."""
    request = remembered.request
    told = [entry for entry in entries if not misdirected(entry, request)]
    asked_at = {entry.event_id: entry.at for entry in told if entry.is_request}
    placed = [_placed(entry, request, asked_at.get(entry.answers or request.event_id, request.at)) for entry in told]
    placed += [_placed_reply(reply, request.at) for reply in replies]
    timeline = [line for _, line in sorted(placed, key=lambda one: one[0])]
    return MessageWithTimeline.model_validate(_fields(remembered) | {"timeline": timeline})


_Place = tuple[datetime, int, tuple[Any, ...], UUID]
"""By time; what happened at the same moment: what was asked for, what was said in the order of statuses, replies."""


def _placed(entry: Entry, request: Request, asked_at: datetime) -> tuple[_Place, TimelineEntry]:
    """An entry's line, and where it stands: never before the request that it is about."""
    at = believed(entry.at, asked_at, entry.recorded_at)
    when = max(at, latest(entry.at)) if entry.source is Source.RECEIPT else at
    what = order(entry) if entry.status else ()
    return (when, int(not entry.is_request), what, entry.entry_id), _line(entry, request.event_id, at)


def _placed_reply(reply: ReplyReceived, asked_at: datetime) -> tuple[_Place, TimelineEntry]:
    line = _reply(reply, believed(reply.received_at, asked_at, None))
    return (max(line.at, latest(reply.received_at)), 2, (), UUID(int=0)), line


def _fields(remembered: Remembered) -> dict[str, object]:
    asked, row = remembered.request.asked, remembered.row
    by = asked.requested_by
    return dict(row) | {
        "kind": asked.content.kind,
        "recipient": row["recipient"] or "",
        "text": None if row["text_removed_at"] else readable(asked.content),
        "requested_by": Requester(kind=by.kind, id=by.id if isinstance(by, Admin) else None, name=by.name),
        "contact": asked.contact,
        "resend_of": asked.resend_of,
        "open_new": asked.thread.open_new,
        "open_failure": None if row["opened_conversation_ids"] else row["open_failure"],
    }


def _reply(reply: ReplyReceived, at: datetime) -> TimelineEntry:
    return TimelineEntry(
        at=at,
        event="reply",
        status=None,
        source=Source.CUSTOMER,
        attempt=None,
        reason=None,
        due_at=None,
        provider_code=None,
        detail=reply.text[:MAX_REPLY] if reply.text else None,
        for_this_request=True,
    )


def _line(entry: Entry, event_id: UUID, at: datetime) -> TimelineEntry:
    return TimelineEntry(
        at=at,
        event=entry.event,
        status=entry.status,
        source=entry.source,
        attempt=entry.attempt,
        reason=entry.reason,
        due_at=entry.due_at,
        provider_code=entry.provider_code,
        detail=entry.detail,
        for_this_request=concerns(entry, event_id),
    )
