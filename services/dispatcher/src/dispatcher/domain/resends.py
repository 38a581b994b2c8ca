"""What a message is to others: to the re-send that names it, and to another version of itself."""

from collections.abc import Sequence
from typing import Any

from dispatcher.domain.states import State
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import Earlier, SendCancelled, SendFailed
from proactive_contracts.status import Status
from proactive_contracts.values import RequestedBy, Subject

_STATUS = {
    State.WAITING: Status.WAITING,
    State.SENDING: Status.SENDING,
    State.RESOLVING: Status.SENDING,
    State.UNKNOWN: Status.UNKNOWN,
    State.ACCEPTED: Status.SENT,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
    State.EXPIRED: Status.EXPIRED,
    State.NOT_SENT: Status.NOT_SENT,
}

_RECEIPT_STATUS = {
    "sent": Status.SENT,
    "failed": Status.FAILED,
    "undelivered": Status.FAILED,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "partial": Status.FAILED,
}

RECEIPT_ORDER = tuple(_RECEIPT_STATUS)
"""
Receipts from the least to the best, as status_tracker orders them: a later `delivered` wins over a failure, and a part
of the text that failed over everything.
"""

_SENT = frozenset({Status.SENT, Status.DELIVERED, Status.READ})

SAYS_SENT = (
    *(state.value for state, status in _STATUS.items() if status in _SENT),
    *(receipt for receipt, status in _RECEIPT_STATUS.items() if status in _SENT),
)
"""The best receipt, or without one the state, of a message that counts as sent."""


def receipt_word(receipt: DeliveryReported) -> str:
    """What is remembered of a receipt: one of RECEIPT_ORDER."""
    failed = _RECEIPT_STATUS[receipt.status] is Status.FAILED
    return "partial" if failed and receipt.reason is FailureReason.PARTIAL else receipt.status.value


def status_of(state: State, receipt: str | None) -> Status:
    """What a person would call this state, receipts included."""
    return _RECEIPT_STATUS.get(receipt or "", _STATUS[state])


def refuse_resend(
    subject: Subject, attempt: int, repeated: Sequence[Earlier], beside: Sequence[Earlier] = ()
) -> SendFailed | None:
    """A re-send is refused where the message that it repeats, one which that one repeated, or one beside was sent."""
    named = next((one for one in (*repeated, *beside) if one.status in _SENT), None)
    if named is None:
        return None
    which = "the message that this one re-sends" if named in repeated else "another re-send of the same message"
    detail = f"Not sent again: {which} is marked {named.status.label!r}."
    return SendFailed(
        **subject_fields(subject), attempt=attempt, reason=FailureReason.ALREADY_SENT, detail=detail, earlier=named
    )


def under_way(repeated: Sequence[Earlier], beside: Sequence[Earlier] = ()) -> bool:
    """
    Whether one of them may still arrive by itself: a re-send waits for what becomes of it.

    Of those beside it, one that waits has to wait for this one, and one that may have been sent is not what the
    person who re-sends has decided about.
    """
    waits = any(one.status in {Status.SENDING, Status.WAITING} for one in repeated)
    return waits or any(one.status in {Status.SENDING, Status.UNKNOWN} for one in beside)


def replaced_by(resend: SendRequested) -> SendCancelled:
    """What is told to a message that comes after its own re-send took its place."""
    about = subject_fields(resend) | {"message_id": resend.resend_of}
    return SendCancelled(**about, attempt=0, requested_by=resend.requested_by)


def stopped_before(subject: Subject, by: RequestedBy) -> SendCancelled:
    """What is told to a message that is stopped before its request came, and to that request once it comes."""
    return SendCancelled(**subject_fields(subject), attempt=0, requested_by=by)


def refuse_change(subject: Subject, earlier: Earlier) -> SendFailed:
    """Another text, number or channel came under a message_id that was used already; it is never sent."""
    detail = "Another version of this message was taken before; this version was not sent."
    return SendFailed(
        **subject_fields(subject), attempt=0, reason=FailureReason.CHANGED, detail=detail, earlier=earlier
    )


def subject_fields(subject: Subject) -> dict[str, Any]:
    """What every event about a message names."""
    return {name: getattr(subject, name) for name in Subject.model_fields}
