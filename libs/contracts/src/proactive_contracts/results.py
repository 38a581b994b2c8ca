"""What the dispatcher says about one request; the causation of each is the request event that it answers."""

from typing import Literal

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import (
    Count,
    Model,
    Moment,
    RequestedBy,
    Subject,
    Word,
    Words,
)

Attempt = Count
"""How many calls to the provider were begun so far, the present one included; 0: none."""


class Earlier(Model):
    """The state of another version of the message, or of the message that a re-send names."""

    status: Status
    since: Moment


class SendStarted(Subject):
    """A worker claimed it and is calling the provider; told where the call takes longer than a second."""

    attempt: Attempt


class SendAccepted(Subject):
    """The provider took it: it has left us."""

    attempt: Attempt
    provider: Word
    provider_message_id: Word
    segments: Count | None = None


class SendDeferred(Subject):
    """Nothing was sent yet; it is tried again at due_at, never after not_after."""

    attempt: Attempt
    reason: FailureReason
    provider: Word | None = None
    provider_code: Word | None = None
    detail: Words | None = None
    due_at: Moment
    not_after: Moment


class SendFailed(Subject):
    """Final: it was not sent. `earlier` stands where another version, or the re-sent message, is why."""

    attempt: Attempt
    reason: FailureReason
    provider: Word | None = None
    provider_code: Word | None = None
    detail: Words | None = None
    earlier: Earlier | None = None


class SendUnknown(Subject):
    """It may have been sent: an attempt began, and what became of it is not known."""

    attempt: Attempt
    provider: Word | None = None
    provider_code: Word | None = None
    detail: Words | None = None


class SendCancelled(Subject):
    """Final: it was stopped before it left."""

    attempt: Attempt
    requested_by: RequestedBy


class SendExpired(Subject):
    """Final: not_after passed before it could leave. Nothing was sent."""

    attempt: Attempt
    not_after: Moment


class SendResolved(Subject):
    """A person said what became of a message that may have been sent."""

    attempt: Attempt
    verdict: Literal["sent", "not_sent"]
    requested_by: RequestedBy
