"""What the timeline keeps of each event."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from proactive_contracts.envelope import Event, traceparent_of
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus
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
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Lane

LOOKED_UP: Final = "job_looked_up"
"""The event of an entry that the sweep read from the dispatcher's own record."""


NO_NUMBER: Final = "+9990000000"
"""Stands for the number of a person who was erased: +999 is no country's. Nobody is shown it."""


class Source(StrEnum):
    """Who says so."""

    GATEWAY = "gateway"
    SERVICE = "service"
    DISPATCHER = "dispatcher"
    RECEIPT = "receipt"
    PERSON = "person"
    SWEEP = "sweep"
    CUSTOMER = "customer"
    """Who wrote back. Says nothing about a status, and stands in timelines only."""


@dataclass(frozen=True)
class Entry:
    """
    One line of a timeline.

    `message_id` is None for a receipt whose message is not known yet. `answers` is the request event that a result
    answers; a request answers itself. `status` is what it claims the message's status to be. `due_at` is when a
    message that was put off is tried again. `recorded_at` is when it was written down, None before that.
    `traceparent` is where what comes of it continues; it is not kept.
    """

    entry_id: UUID
    event_id: UUID
    event: str
    source: Source
    at: datetime
    workspace_id: str
    message_id: UUID | None
    channel_id: UUID
    answers: UUID | None = None
    status: Status | None = None
    attempt: int | None = None
    reason: FailureReason | None = None
    detail: str | None = None
    provider: str | None = None
    provider_code: str | None = None
    provider_message_id: str | None = None
    due_at: datetime | None = None
    recorded_at: datetime | None = None
    traceparent: str | None = field(default=None, compare=False)

    @property
    def is_request(self) -> bool:
        """Whether it says that the message was asked for."""
        return self.source in (Source.GATEWAY, Source.SERVICE)

    @property
    def is_refusal(self) -> bool:
        """Whether it says no more than that another version of the message had been taken before."""
        return self.source is Source.DISPATCHER and self.reason is FailureReason.CHANGED

    @property
    def is_partial(self) -> bool:
        """Whether it says that a part of the text failed."""
        return self.status is Status.FAILED and self.reason is FailureReason.PARTIAL

    @property
    def tells_claim(self) -> bool:
        """Whether it can only be said of a request that a dispatcher claimed."""
        claims = self.source in (Source.DISPATCHER, Source.PERSON) or self.event == LOOKED_UP
        return claims and not self.is_refusal


@dataclass(frozen=True)
class Request:
    """
    One SendRequested, as it came; a message whose text was corrected under its old id has several.

    `lane`: where it was published to; None where the request was read back. `text_removed`: its content is not kept any
    more, and something else stands in its place that nobody may be shown.
    """

    event_id: UUID
    at: datetime
    asked: SendRequested
    lane: Lane | None = None
    text_removed: bool = False
    traceparent: str | None = None

    @property
    def trace(self) -> str:
        """The trace context of all that is told of it."""
        return self.traceparent or traceparent_of(self.asked.workspace_id, self.asked.message_id)


_RECEIPT_STATUS = {
    ReceiptStatus.SENT: Status.SENT,
    ReceiptStatus.DELIVERED: Status.DELIVERED,
    ReceiptStatus.READ: Status.READ,
    ReceiptStatus.UNDELIVERED: Status.FAILED,
    ReceiptStatus.FAILED: Status.FAILED,
}

KEPT = (
    SendRequested,
    SendStarted,
    SendAccepted,
    SendDeferred,
    SendFailed,
    SendUnknown,
    SendCancelled,
    SendExpired,
    SendResolved,
    DeliveryReported,
)
"""The payloads of which `entry_of` makes an entry."""


def entry_of(event: Event[Any], traceparent: str | None = None) -> Entry:
    """The timeline's entry for an event whose payload is one of KEPT."""
    payload = event.data
    message_id: UUID | None = payload.message_id
    return Entry(
        entry_id=entry_id(event.id, payload.workspace_id, message_id),
        event_id=event.id,
        event=event.type.split(".")[1],
        at=min(payload.reported_at, event.time) if isinstance(payload, DeliveryReported) else event.time,
        workspace_id=payload.workspace_id,
        message_id=message_id,
        channel_id=payload.channel_id,
        answers=event.id if isinstance(payload, SendRequested) else event.causationid,
        traceparent=traceparent,
        **_said(payload),
    )


def entry_id(event_id: UUID, workspace_id: str, message_id: UUID | None) -> UUID:
    """The event's id bound to what it is about: a publisher that uses an id for two messages loses neither."""
    return uuid5(event_id, f"{workspace_id}/{message_id or ''}")


def _said(payload: object) -> dict[str, Any]:
    """Who says what: the fields of an entry that depend on the kind of event."""
    match payload:
        case SendRequested():
            by_admin = isinstance(payload.requested_by, Admin)
            return {"source": Source.GATEWAY if by_admin else Source.SERVICE, "status": Status.QUEUED}
        case DeliveryReported():
            return _provider_words(payload) | {
                "source": Source.RECEIPT,
                "status": _RECEIPT_STATUS[payload.status],
                "reason": payload.reason,
                "provider_message_id": payload.provider_message_id,
            }
        case SendAccepted():
            said: dict[str, Any] = {
                "status": Status.SENT,
                "provider": payload.provider,
                "provider_message_id": payload.provider_message_id,
            }
        case SendDeferred():
            said = {"status": Status.WAITING, "reason": payload.reason, "due_at": payload.due_at}
            said |= _provider_words(payload)
        case SendFailed():
            said = {"status": _failed(payload), "reason": payload.reason} | _provider_words(payload)
            said["detail"] = payload.detail or _about(payload.earlier)
        case SendUnknown():
            said = {"status": Status.UNKNOWN} | _provider_words(payload)
        case SendCancelled():
            said = {"status": Status.CANCELLED, "detail": f"Stopped by {payload.requested_by.name}."}
        case SendResolved():
            return _verdict(payload)
        case SendExpired():
            said = {"status": Status.EXPIRED}
        case SendStarted():
            said = {"status": Status.SENDING}
        case other:
            raise TypeError(f"no timeline entry is made of {type(other).__name__}")
    return said | {"source": Source.DISPATCHER, "attempt": payload.attempt}


def _verdict(resolved: SendResolved) -> dict[str, Any]:
    status = Status.SENT if resolved.verdict == "sent" else Status.NOT_SENT
    words = f"{resolved.requested_by.name} marked it as {'sent' if status is Status.SENT else 'not sent'}."
    return {"source": Source.PERSON, "attempt": resolved.attempt, "status": status, "detail": words}


def _failed(result: SendFailed) -> Status | None:
    """A refused other version says nothing about the message itself."""
    return None if result.reason is FailureReason.CHANGED else Status.FAILED


def _provider_words(payload: DeliveryReported | SendDeferred | SendFailed | SendUnknown) -> dict[str, Any]:
    return {"provider": payload.provider, "provider_code": payload.provider_code, "detail": payload.detail}


def _about(earlier: Earlier | None) -> str | None:
    return None if earlier is None else f"The earlier one is: {earlier.status.label}."
