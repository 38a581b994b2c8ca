"""Events of one message, made up for tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID, uuid4, uuid5

from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, receipt_id, request_id, result_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
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
from proactive_contracts.values import (
    Admin,
    Channel,
    Contact,
    RequestedBy,
    TextContent,
    Thread,
)
from status_tracker.answers import TimelineEntry, as_message_with_timeline
from status_tracker.domain.entries import Entry, Request, Source, entry_of
from status_tracker.domain.history import shown
from status_tracker.storage.database import Record
from status_tracker.storage.history import Remembered

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")
OTHER_CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000002")
PHONE = "+4915112345678"
ANNA = Contact(id="6657add46abd0167d9419001", role="user", name="Anna Schmidt")
MARIA = Admin(id="814860", name="Maria Lopez")


def make_request(
    text: str = "Hello Anna",
    *,
    message_id: UUID | None = None,
    workspace_id: str = "w1",
    requested_by: RequestedBy = MARIA,
    conversation_id: str | None = "215470001",
    at: datetime = NOON,
    lifetime: timedelta = timedelta(minutes=15),
    recipient: str = PHONE,
    resend_of: UUID | None = None,
    open_new: bool = False,
    contact: Contact | None = ANNA,
    channel: Channel = Channel.SMS,
) -> Event[SendRequested]:
    """Somebody asks for a message, an SMS by default."""
    asked = SendRequested(
        message_id=message_id or uuid4(),
        workspace_id=workspace_id,
        channel=channel,
        channel_id=CHANNEL_ID,
        recipient=recipient,
        content=TextContent(text=text),
        requested_by=requested_by,
        contact=contact,
        thread=Thread(conversation_id=conversation_id, open_new=open_new),
        not_after=at + lifetime,
        resend_of=resend_of,
    )
    return make_event(asked, id=request_id(asked), time=at, source="canvas_gateway")


class Story:
    """What a dispatcher and a provider say about one request; each call is one event, a second later."""

    def __init__(self, request: Event[SendRequested], provider_message_id: str | None = None) -> None:
        self.request = request
        self.provider_message_id = provider_message_id or f"SM{request.data.message_id.hex}"
        self._transitions = 0

    def started(self, attempt: int = 1) -> Event[Any]:
        """A worker claimed it."""
        return self._result("started", SendStarted(**self._subject, attempt=attempt))

    def accepted(self, attempt: int = 1) -> Event[Any]:
        """The provider took it."""
        taken: dict[str, Any] = {"provider": "twilio", "provider_message_id": self.provider_message_id}
        return self._result("accepted", SendAccepted(**self._subject, attempt=attempt, **taken))

    def deferred(
        self, attempt: int = 1, reason: FailureReason = FailureReason.PROVIDER_BUSY, due_at: datetime = NOON
    ) -> Event[Any]:
        """It is tried again."""
        times: dict[str, Any] = {"due_at": due_at, "not_after": self.request.data.not_after}
        return self._result("deferred", SendDeferred(**self._subject, attempt=attempt, reason=reason, **times))

    def failed(self, reason: FailureReason = FailureReason.INVALID_NUMBER, detail: str | None = None) -> Event[Any]:
        """The provider refused it for good."""
        refusal = SendFailed(
            **self._subject, attempt=1, reason=reason, provider="twilio", provider_code="21211", detail=detail
        )
        return self._result("failed", refusal)

    def not_asked(self, reason: FailureReason, detail: str) -> Event[Any]:
        """It failed before any provider was asked."""
        return self._result("failed", SendFailed(**self._subject, attempt=1, reason=reason, detail=detail))

    def refused_as_changed(self, earlier: Status = Status.SENT) -> Event[Any]:
        """Another version was taken before."""
        told = Earlier(status=earlier, since=NOON)
        refusal = SendFailed(**self._subject, attempt=0, reason=FailureReason.CHANGED, earlier=told)
        return self._result("changed", refusal)

    def unknown(self, attempt: int = 1, detail: str | None = None) -> Event[Any]:
        """Nobody knows whether the provider took it."""
        unclear = SendUnknown(**self._subject, attempt=attempt, provider="twilio", detail=detail)
        return self._result("unknown", unclear)

    def resolved(
        self, verdict: Literal["sent", "not_sent"] = "not_sent", requested_by: RequestedBy = MARIA
    ) -> Event[Any]:
        """A person says what became of it."""
        said: dict[str, Any] = {"attempt": 1, "verdict": verdict, "requested_by": requested_by}
        return self._result(f"resolved {verdict}", SendResolved(**self._subject, **said))

    def cancelled(self) -> Event[Any]:
        """It was stopped."""
        return self._result("cancelled", SendCancelled(**self._subject, attempt=0, requested_by=MARIA))

    def expired(self) -> Event[Any]:
        """Its time passed."""
        not_after = self.request.data.not_after
        return self._result("expired", SendExpired(**self._subject, attempt=0, not_after=not_after))

    def receipt(
        self,
        status: ReceiptStatus,
        *,
        echoed: bool = True,
        code: str | None = None,
        channel_id: UUID = CHANNEL_ID,
        reason: FailureReason | None = None,
        detail: str | None = None,
        stamp: datetime | None = None,
    ) -> Event[Any]:
        """The provider reports; `echoed`: it names our id; `stamp`: when by its own clock, where that is another."""
        asked, learned_at = self.request.data, self._later()
        report = DeliveryReported(
            message_id=asked.message_id if echoed else None,
            workspace_id=asked.workspace_id,
            channel=asked.channel,
            channel_id=channel_id,
            provider="twilio",
            provider_message_id=self.provider_message_id,
            status=status,
            reason=reason,
            provider_code=code,
            detail=detail,
            reported_at=stamp or learned_at,
        )
        named = receipt_id(channel_id, self.provider_message_id, status, code)
        event_id = named if echoed else uuid5(named, "without our id")
        return make_event(report, id=event_id, time=learned_at, source="dispatcher")

    @property
    def _subject(self) -> dict[str, Any]:
        asked = self.request.data
        return {name: getattr(asked, name) for name in ("message_id", "workspace_id", "channel", "channel_id")}

    def _later(self) -> datetime:
        self._transitions += 1
        return self.request.time + timedelta(seconds=self._transitions)

    def _result(self, outcome: str, payload: Any) -> Event[Any]:
        time, answered = self._later(), self.request.id
        event_id = result_id(answered, self._transitions, outcome)
        return make_event(payload, id=event_id, time=time, source="dispatcher", causation=answered)


def make_reply(
    text: str | None = "Thank you!", *, at: datetime = NOON + timedelta(minutes=1), **changes: Any
) -> Event[Any]:
    """A customer writes back."""
    fields: dict[str, Any] = {
        "workspace_id": "w1",
        "channel": Channel.SMS,
        "channel_id": CHANNEL_ID,
        "provider": "twilio",
        "provider_message_id": f"SM{uuid4().hex}",
        "sender": PHONE,
        "text": text,
        "received_at": at,
    }
    return make_event(ReplyReceived(**{**fields, **changes}), id=uuid4(), time=at, source="dispatcher")


def as_request(event: Event[SendRequested]) -> Request:
    """What the tracker keeps of it."""
    return Request(event.id, event.time, event.data, traceparent=event.traceparent)


def as_facts(events: Sequence[Event[Any]]) -> tuple[list[Request], list[Entry]]:
    """The requests and the entries that the tracker keeps of events."""
    requests = [as_request(e) for e in events if isinstance(e.data, SendRequested)]
    return requests, [entry_of(event) for event in events]


def make_entry(status: Status, source: Source = Source.DISPATCHER, **fields: Any) -> Entry:
    """An entry that claims a status."""
    entry = Entry(uuid4(), uuid4(), "made_up", source, NOON, "w1", UUID(int=1), CHANNEL_ID, status=status, attempt=1)
    return replace(entry, **fields)


def timeline_of(
    *events: Event[Any], replies: Sequence[ReplyReceived] = (), recorded_at: datetime | None = None
) -> list[TimelineEntry]:
    """As the history shows it; the rest of the row does not matter here."""
    requests, entries = as_facts(events)
    found = shown(requests, entries)
    assert found is not None
    asked = found.request.asked
    row: dict[str, Any] = {
        "message_id": asked.message_id,
        "event_id": found.request.event_id,
        "workspace_id": asked.workspace_id,
        "channel": asked.channel,
        "channel_id": asked.channel_id,
        "recipient": asked.recipient,
        "conversation_id": None,
        "requested_at": found.request.at,
        "not_after": asked.not_after,
        "opened_conversation_ids": [],
        "open_failure": None,
        "text_removed_at": None,
        "text_kept_days": None,
        "erased_at": None,
        "status": found.status,
        "status_at": found.since(found.decisive),
        "reason": None,
        "detail": None,
        "provider": None,
        "provider_code": None,
        "provider_message_id": None,
        "due_at": None,
    }
    written = [replace(entry, recorded_at=recorded_at) for entry in entries]
    remembered = Remembered(cast("Record", row), found.request)
    return as_message_with_timeline(remembered, written, replies).timeline
