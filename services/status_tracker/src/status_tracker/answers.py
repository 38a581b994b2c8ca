"""The shapes of the history API, from which its OpenAPI description is made."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReplyReceived
from proactive_contracts.status import Status
from proactive_contracts.values import (
    Admin,
    Channel,
    Contact,
    Word,
    WorkspaceId,
)
from status_tracker.domain.cursors import Position
from status_tracker.domain.entries import Entry, Source
from status_tracker.domain.history import concerns, misdirected
from status_tracker.domain.notes import readable
from status_tracker.domain.status import order
from status_tracker.storage.history import Remembered

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_CURSOR = 200
MAX_REPLY = 4096
"""Characters of a customer's reply that a timeline repeats."""


def _is_cursor(cursor: str) -> str:
    Position.read(cursor)
    return cursor


class MessagePath(BaseModel):
    """Which workspace."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: WorkspaceId


class OneMessagePath(MessagePath):
    """Which message of which workspace."""

    message_id: UUID


class PageQuery(BaseModel):
    """Which messages are wanted."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: Word | None = Field(default=None, description="Only messages about this Intercom conversation.")
    requested_by: Word | None = Field(default=None, description="Only messages of the teammate with this id.")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="How many at most.")
    cursor: Annotated[str, Field(max_length=MAX_CURSOR), AfterValidator(_is_cursor)] | None = Field(
        default=None, description="next_cursor of the page before."
    )


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
    recipient: str
    kind: Literal["text", "template"]
    text: str
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
    detail: str | None = Field(description="The provider's own words, where there are any.")
    provider: str | None
    provider_code: str | None
    provider_message_id: str | None


class TimelineEntry(BaseModel):
    """Something that was said about a message."""

    at: datetime
    event: str
    status: Status | None
    source: Source
    attempt: int | None
    provider_code: str | None
    detail: str | None = Field(description="The provider's own words; of a reply, what the customer wrote.")
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
    ordered = sorted(entries, key=_place)
    said = [_line(entry, request.event_id) for entry in ordered if not misdirected(entry, request)]
    timeline = sorted([*said, *map(_reply, replies)], key=lambda line: line.at)
    return MessageWithTimeline.model_validate(_fields(remembered) | {"timeline": timeline})


def _place(entry: Entry) -> tuple[datetime, tuple[Any, ...], UUID]:
    """By time; what happened at the same moment in the order of the statuses."""
    return entry.at, order(entry) if entry.status else (), entry.entry_id


def _fields(remembered: Remembered) -> dict[str, object]:
    asked, row = remembered.request.asked, remembered.row
    by = asked.requested_by
    return dict(row) | {
        "kind": asked.content.kind,
        "text": readable(asked.content),
        "requested_by": Requester(kind=by.kind, id=by.id if isinstance(by, Admin) else None, name=by.name),
        "contact": asked.contact,
        "resend_of": asked.resend_of,
        "open_new": asked.thread.open_new,
        "open_failure": None if row["opened_conversation_ids"] else row["open_failure"],
    }


def _reply(reply: ReplyReceived) -> TimelineEntry:
    return TimelineEntry(
        at=reply.received_at,
        event="reply",
        status=None,
        source=Source.CUSTOMER,
        attempt=None,
        provider_code=None,
        detail=reply.text[:MAX_REPLY] if reply.text else None,
        for_this_request=True,
    )


def _line(entry: Entry, event_id: UUID) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        event=entry.event,
        status=entry.status,
        source=entry.source,
        attempt=entry.attempt,
        provider_code=entry.provider_code,
        detail=entry.detail,
        for_this_request=concerns(entry, event_id),
    )
