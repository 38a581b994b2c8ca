"""Where a job stands, what may happen to it, and what comes of that: the words that `job.decide` is written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from dispatcher.domain.answers import Accepted, Answer, Refused, Unclear
from proactive_contracts.envelope import traceparent_of
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import (
    Earlier,
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.values import Lane, RequestedBy


class State(StrEnum):
    """Where a job stands; the row that holds it is the only token to resume from."""

    WAITING = "waiting"
    SENDING = "sending"
    RESOLVING = "resolving"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_SENT = "not_sent"


MOVING = frozenset({State.WAITING, State.SENDING, State.RESOLVING})
"""What becomes due by itself; anything else is due because its result was not told."""


@dataclass(frozen=True)
class Job:
    """
    A message that a dispatcher took.

    `attempt` numbers the calls begun; `doubts` are those whose outcome is not known. `tries` are the attempts that a
    limit counts; `looks` how often it was looked for while resolving. `unclear` is why there is a doubt, in words for
    people. `due_at`: when the scheduler has to look at it next. `called_at`: when the newest attempt began.
    `stopped_by`: who asked to stop it while it was being sent; it is not called again. `traceparent`: its request's.
    """

    workspace_id: str
    message_id: UUID
    event_id: UUID
    digest: str
    lane: Lane
    state: State
    since: datetime
    attempt: int
    transition: int
    not_after: datetime
    request: SendRequested | None
    outcome: str | None
    result: Mapping[str, Any] | None
    receipt: str | None
    doubts: tuple[int, ...] = ()
    tries: int = 0
    looks: int = 0
    unclear: Unclear | None = None
    due_at: datetime | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    called_at: datetime | None = None
    stopped_by: RequestedBy | None = None
    traceparent: str | None = None

    @property
    def trace(self) -> str:
        """The trace context that all that is told of it belongs to."""
        return self.traceparent or traceparent_of(self.workspace_id, self.message_id)


@dataclass(frozen=True)
class Capabilities:
    """
    What a provider offers to find out what became of an attempt without a definite answer.

    `same_id_again`: the same call again under the same id never sends twice, and its refusal as a duplicate confirms an
    earlier attempt that is in doubt.
    `look_up`: a list in which the message can be found `settling_seconds` after the call; it can only confirm.
    `receipts_echo`: receipts name our message id. `provider`: the adapter's name, for what is told.
    """

    provider: str | None = None
    same_id_again: bool = False
    look_up: bool = False
    receipts_echo: bool = False
    settling_seconds: float = 15.0


@dataclass(frozen=True)
class Answered:
    """Attempt number `attempt` came to `answer`, however late."""

    attempt: int
    answer: Answer


@dataclass(frozen=True)
class TimeCame:
    """
    due_at has passed.

    For a re-send, `earlier` is the message that it repeats, and those that this one repeated; `beside` are the other
    re-sends of any of these.
    """

    earlier: Sequence[Earlier] = ()
    beside: Sequence[Earlier] = ()


@dataclass(frozen=True)
class RepeatsSent:
    """A re-send still waits, and `earlier`, which it repeats, was sent after all: it need not wait for its turn."""

    earlier: Earlier


@dataclass(frozen=True)
class LeaseLapsed:
    """Whoever was sending it has not said what became of it: it may or may not have called."""


@dataclass(frozen=True)
class HeldBack:
    """Its sender must not send now, for the reason `why`; it may be looked at again at `until`."""

    why: Refused
    until: datetime


@dataclass(frozen=True)
class CancelAsked:
    """A person or a service wants it stopped."""

    by: RequestedBy


@dataclass(frozen=True)
class VerdictGiven:
    """A person says what became of it."""

    by: RequestedBy
    verdict: Literal["sent", "not_sent"]


@dataclass(frozen=True)
class ReceiptCame:
    """The provider reports on our message id, for the channel that it went through: whatever it says, it has it."""

    provider: str
    provider_message_id: str


@dataclass(frozen=True)
class LookedUp:
    """
    Look number `look` found the message at the provider, or did not, which proves nothing.

    It was not even `answered` where the provider could not be asked.
    """

    look: int
    found: Accepted | None
    answered: bool = True


Happening = (
    Answered | TimeCame | RepeatsSent | LeaseLapsed | HeldBack | CancelAsked | VerdictGiven | ReceiptCame | LookedUp
)

Result = (
    SendStarted | SendAccepted | SendDeferred | SendFailed | SendUnknown | SendExpired | SendCancelled | SendResolved
)


class Act(StrEnum):
    """What whoever took the step has to do next, beside telling its result."""

    NOTHING = "nothing"
    CALL = "call"
    LOOK_UP = "look_up"


@dataclass(frozen=True)
class Step:
    """
    What a job becomes; the fields are those of Job.

    `result` is told; without one, nothing is. `due_at` is None while `act` is called or looked up, which the lease
    bounds, and where nothing is left to do once the result was told.
    """

    state: State
    attempt: int
    doubts: tuple[int, ...]
    tries: int
    looks: int
    unclear: Unclear | None
    provider_message_id: str | None
    stopped_by: RequestedBy | None = None
    due_at: datetime | None = None
    result: Result | None = None
    act: Act = Act.NOTHING
