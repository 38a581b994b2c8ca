"""
What happens next to a job: one pure decision for an answered attempt, one for a job whose time has come.

    (request) ──▶ sending ──▶ accepted          the provider took it
        │            │  ├───▶ failed            this very attempt was refused
        │            │  ├───▶ expired           no byte of it left us, and not_after has passed
        │            ╰──┴───▶ unknown           no definite answer, or the lease lapsed
        │                        ├──▶ accepted  that attempt's late answer: the provider took it
        │                        ├──▶ failed    that attempt's late answer: a definite refusal
        │                        ╰──▶ expired   the same: no byte left us, and not_after has passed
        ├──▶ waiting ──▶ sending                not_before has come; what it re-sends is settled
        │        ├─────▶ failed                 a re-send whose first message was sent after all
        │        ╰─────▶ expired                not_after has passed, nothing was sent
        ╰──▶ cancelled                          a re-send took its place before it was ever claimed

A state is left only as drawn: in particular, unknown becomes accepted or stays, unless that attempt is known to have
sent nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import Earlier, SendAccepted, SendCancelled, SendExpired, SendFailed, SendUnknown
from proactive_contracts.status import Status
from proactive_contracts.values import Subject


class State(StrEnum):
    """Where a job stands; the row that holds it is the only token to resume from."""

    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


SETTLEABLE = (State.SENDING, State.UNKNOWN)
"""States in which the answer of the job's own last attempt still counts."""

_STATUS = {
    State.WAITING: Status.WAITING,
    State.SENDING: Status.SENDING,
    State.UNKNOWN: Status.UNKNOWN,
    State.ACCEPTED: Status.SENT,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
    State.EXPIRED: Status.EXPIRED,
}

_RECEIPT_STATUS = {
    "sent": Status.SENT,
    "failed": Status.FAILED,
    "undelivered": Status.FAILED,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
}

RECEIPT_ORDER = tuple(_RECEIPT_STATUS)
"""Receipts from the least to the best, as statuses are ordered: a later `delivered` wins over a failure."""

_SENT = frozenset({Status.SENT, Status.DELIVERED, Status.READ})

Result = SendAccepted | SendFailed | SendUnknown | SendExpired | SendCancelled


@dataclass(frozen=True)
class Settlement:
    """The state that a job enters, and the result event that tells it."""

    state: State
    result: Result


class Due(StrEnum):
    """What the scheduler has to do with a job whose time has come."""

    CALL = "call"
    EXPIRE = "expire"
    LAPSE = "lapse"
    TELL = "tell"


def settle(
    request: SendRequested, attempt: int, provider: str | None, answer: Answer, *, in_time: bool = True
) -> Settlement:
    """
    Judge the answer of attempt number `attempt`; `in_time`: not_after had not passed when it came.

    The result names the provider only where that was asked: what stands beside a name is read as its words.
    """
    named = None if isinstance(answer, Refused) and not answer.asked else provider
    about = subject_fields(request) | {"attempt": attempt, "provider": named}
    if isinstance(answer, Accepted):
        taken = SendAccepted(**about, provider_message_id=answer.provider_message_id, segments=answer.segments)
        return Settlement(State.ACCEPTED, taken)
    told = about | {"provider_code": answer.provider_code, "detail": answer.detail[:1000]}
    if isinstance(answer, Refused):
        if answer.error_class is ErrorClass.NOT_SENT and not in_time:
            return expire(request, attempt, request.not_after)
        return Settlement(State.FAILED, SendFailed(**told, reason=answer.reason))
    return Settlement(State.UNKNOWN, SendUnknown(**told))


def lapse(subject: Subject, attempt: int) -> Settlement:
    """The lease of attempt number `attempt` ran out: whoever held it may or may not have sent it."""
    detail = "The sender stopped in the middle of sending, so it is not known whether the provider got it."
    return Settlement(State.UNKNOWN, SendUnknown(**subject_fields(subject), attempt=attempt, detail=detail))


def expire(subject: Subject, attempt: int, not_after: datetime) -> Settlement:
    """not_after passed, and nothing was sent."""
    return Settlement(State.EXPIRED, SendExpired(**subject_fields(subject), attempt=attempt, not_after=not_after))


def due(state: State, not_after: datetime, now: datetime) -> Due:
    """What a job whose due_at has passed needs."""
    if state is State.WAITING:
        return Due.EXPIRE if not_after <= now else Due.CALL
    return Due.LAPSE if state is State.SENDING else Due.TELL


def status_of(state: State, receipt: str | None) -> Status:
    """What a person would call this state, receipts included."""
    return _RECEIPT_STATUS.get(receipt or "", _STATUS[state])


def refuse_resend(subject: Subject, repeated: Sequence[Earlier]) -> Settlement | None:
    """A re-send is refused where the message that it repeats, or one which that one repeated, was sent."""
    named = next((one for one in repeated if one.status in _SENT), None)
    if named is None:
        return None
    detail = f"Not sent again: the message that this one re-sends is marked {named.status.label!r}."
    failed = SendFailed(
        **subject_fields(subject), attempt=0, reason=FailureReason.ALREADY_SENT, detail=detail, earlier=named
    )
    return Settlement(State.FAILED, failed)


def under_way(repeated: Sequence[Earlier]) -> bool:
    """Whether one of them may still arrive by itself: a re-send waits for what becomes of it."""
    return any(one.status in {Status.SENDING, Status.WAITING} for one in repeated)


def replaced_by(resend: SendRequested) -> SendCancelled:
    """What is told to a message that comes after its own re-send took its place."""
    about = subject_fields(resend) | {"message_id": resend.resend_of}
    return SendCancelled(**about, attempt=0, requested_by=resend.requested_by)


def refuse_change(subject: Subject, earlier: Earlier) -> SendFailed:
    """Another text, number or channel came under a message_id that was used already; it is never sent."""
    detail = "Another version of this message was taken before; this version was not sent."
    return SendFailed(
        **subject_fields(subject), attempt=0, reason=FailureReason.CHANGED, detail=detail, earlier=earlier
    )


def subject_fields(subject: Subject) -> dict[str, Any]:
    """What every event about a message names."""
    return {name: getattr(subject, name) for name in Subject.model_fields}
