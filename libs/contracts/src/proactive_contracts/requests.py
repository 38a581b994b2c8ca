"""What is asked for: send a message, stop trying, say what became of one."""

from datetime import timedelta
from typing import Literal, Self
from uuid import UUID

from pydantic import model_validator

from proactive_contracts.values import (
    E164,
    Channel,
    Contact,
    Content,
    Moment,
    Recipient,
    RequestedBy,
    ResultRoute,
    Subject,
    Thread,
)

MAX_LIFETIME = timedelta(days=7)
"""How far ahead of the event's own time not_after may lie."""


MAX_SKEW = timedelta(minutes=5)
"""How far a publisher's clock may be ahead of ours."""


class SendRequested(Subject):
    """
    Send this once.

    message_id is minted by the sender once per composed message and is the idempotency key within its
    workspace until 30 days after not_after. What cannot leave by not_after is never sent; not_after lies
    at most 7 days after the event's time, and after not_before. The recipient of an SMS is a number in E.164.
    """

    recipient: Recipient
    content: Content
    requested_by: RequestedBy
    contact: Contact | None = None
    thread: Thread = Thread()
    result_route: ResultRoute | None = None
    resend_of: UUID | None = None
    not_before: Moment | None = None
    not_after: Moment

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.channel is Channel.SMS and not E164.fullmatch(self.recipient):
            raise ValueError("recipient: an SMS needs a number in E.164 format")
        if self.not_before is not None and self.not_before >= self.not_after:
            raise ValueError("not_before: must lie before not_after")
        if self.resend_of == self.message_id:
            raise ValueError("resend_of: a message cannot re-send itself; mint a new message_id")
        return self


class CancelRequested(Subject):
    """
    Stop trying; what has left already cannot be stopped.

    `answers` is the SendRequested event to stop, where its sender knows it: a message that is stopped before its
    request came is told under that event.
    """

    answers: UUID | None = None
    requested_by: RequestedBy
    result_route: ResultRoute | None = None


class ResolveRequested(Subject):
    """A person says what became of a message that may have been sent."""

    verdict: Literal["sent", "not_sent"]
    requested_by: RequestedBy
    result_route: ResultRoute | None = None
