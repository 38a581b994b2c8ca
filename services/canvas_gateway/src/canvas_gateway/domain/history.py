"""What the history of sent messages says, as status_tracker serves it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import Channel

SENT = frozenset({Status.SENT, Status.DELIVERED, Status.READ})
NOT_SENT = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.NOT_SENT})
MAY_BE_SENT = frozenset({Status.UNKNOWN, Status.NOT_CONFIRMED})
SETTLED = SENT | NOT_SENT
PERSON = "person"
"""The source of a timeline's entry that tells a teammate's verdict."""

RESENDABLE = NOT_SENT | MAY_BE_SENT
"""A re-send is offered on a final failure and on an unknown outcome, never while something is under way."""


class Standing(StrEnum):
    """How a message stands, as agents filter by it: a dropdown takes ten choices, and there are more statuses."""

    UNDER_WAY = "under_way"
    WAITING = "waiting"
    MAY_BE_SENT = "may_be_sent"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    EXPIRED = "expired"
    STOPPED = "stopped"

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Which they are; each status belongs to one of these."""
        return _STANDINGS[self]


_STANDINGS: Mapping[Standing, tuple[Status, ...]] = {
    Standing.UNDER_WAY: (Status.QUEUED, Status.SENDING),
    Standing.WAITING: (Status.WAITING,),
    Standing.MAY_BE_SENT: (Status.UNKNOWN, Status.NOT_CONFIRMED),
    Standing.SENT: (Status.SENT,),
    Standing.DELIVERED: (Status.DELIVERED,),
    Standing.READ: (Status.READ,),
    Standing.FAILED: (Status.FAILED,),
    Standing.EXPIRED: (Status.EXPIRED,),
    Standing.STOPPED: (Status.CANCELLED, Status.NOT_SENT),
}


class SearchTrouble(StrEnum):
    """Why the history cannot look for what was typed."""

    UNCLEAR = "unclear"
    TOO_MANY = "too_many"


class SearchRefused(Exception):
    """What was typed is nothing that can be looked for, or the end of too many numbers."""

    def __init__(self, why: SearchTrouble) -> None:
        super().__init__(why.value)
        self.why = why


class Told(BaseModel):
    """Read from another service: what a later release adds is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Requester(Told):
    """The teammate, or the service, that asked for a message."""

    kind: Literal["admin", "service"]
    id: str | None = None
    name: str | None = None


class Addressee(Told):
    """The person in Intercom that a message was for."""

    id: str
    name: str | None = None
    role: Literal["user", "lead"] | None = None


class Entry(Told):
    """
    One line of a message's timeline; `for_this_request` is false for what concerns another version of it.

    Of a reply, `detail` is what the customer wrote.
    """

    at: datetime
    event: str
    status: Status | None = None
    source: str
    attempt: int | None = None
    provider_code: str | None = None
    detail: str | None = None
    for_this_request: bool = True


class Message(Told):
    """
    One message and what became of it; the timeline is there where one message was asked for.

    Once its person was erased, there is neither text nor contact, and the recipient is empty.
    """

    message_id: UUID
    event_id: UUID
    workspace_id: str
    channel: Channel
    channel_id: UUID
    recipient: str
    kind: Literal["text", "template"] = "text"
    text: str | None = None
    text_removed_at: datetime | None = None
    text_kept_days: int | None = None
    erased_at: datetime | None = None
    requested_by: Requester
    contact: Addressee | None = None
    conversation_id: str | None = None
    requested_at: datetime
    not_after: datetime | None = None
    resend_of: UUID | None = None
    open_new: bool = False
    opened_conversation_ids: tuple[str, ...] = ()
    open_failure: str | None = None
    status: Status
    status_at: datetime
    reason: FailureReason | None = None
    detail: str | None = None
    provider: str | None = None
    provider_code: str | None = None
    provider_message_id: str | None = None
    timeline: tuple[Entry, ...] = ()

    @property
    def marked_sent(self) -> bool:
        """Whether nobody but a teammate says that it was sent; told by the timeline, so False without one."""
        sources = {entry.source for entry in self.timeline if entry.for_this_request and entry.status in SENT}
        return self.status in SENT and sources == {PERSON}

    @property
    def can_be_resent(self) -> bool:
        """Whether it is failed or unknown, and its text is still kept; not where what it repeats was sent after all."""
        refused_as_sent = self.reason is FailureReason.ALREADY_SENT
        return self.status in RESENDABLE and self.kind == "text" and bool(self.text) and not refused_as_sent


class Page(Told):
    """Some messages, newest first, and where older ones go on."""

    messages: tuple[Message, ...] = ()
    next_cursor: Annotated[str, Field(max_length=1000)] | None = None
