"""Makes what the tests of the panel speak of: people, channels, messages, states."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from canvas_gateway.domain.history import Addressee, Message, Requester
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome, Submission
from canvas_gateway.domain.reach import Reach
from canvas_gateway.domain.repeats import Repeat
from canvas_gateway.domain.state import Draft, State
from canvas_gateway.domain.values import ConnectedChannel, Person, Screen, Teammate
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id, result_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Channel, Contact, Model, TextContent, Thread

NOW = datetime(2026, 11, 22, 11, 5, tzinfo=UTC)
ATHENS = ZoneInfo("Europe/Athens")
CALENDAR = Calendar(ATHENS, NOW)
WORKSPACE = "sandbox1"
CONVERSATION = "215470001"
MARIA = Teammate(id="814860", name="Maria Lopez")
MESSAGE_ID = UUID("01970000-0000-7000-8000-000000000001")
CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")
ANNA = Person(
    id="6657add46abd0167d9419001",
    external_id="cust-1001",
    role="user",
    name="Anna Schmidt",
    email="anna.schmidt@example.com",
    phone="+4915112345678",
)
EMMA = Person(id="6657add46abd0167d9419003", role="lead", name="Emma Wilson", email="emma@example.net")


def make_channel(**changes: Any) -> ConnectedChannel:
    fields: dict[str, Any] = {
        "id": CHANNEL_ID,
        "kind": Channel.SMS,
        "name": "Support line",
        "sender": "+4915700000001",
        "enabled": True,
    }
    return ConnectedChannel(**{**fields, **changes})


def make_request(**changes: Any) -> SendRequested:
    text = changes.pop("text", "Your parcel is here.")
    fields: dict[str, Any] = {
        "message_id": MESSAGE_ID,
        "workspace_id": WORKSPACE,
        "channel": Channel.SMS,
        "channel_id": CHANNEL_ID,
        "recipient": "+4915112345678",
        "content": TextContent(text=text),
        "requested_by": Admin(id=MARIA.id, name=MARIA.name),
        "contact": Contact(id=ANNA.id, role="user", name=ANNA.name),
        "thread": Thread(conversation_id=CONVERSATION),
        "not_after": NOW + timedelta(minutes=15),
    }
    return SendRequested(**{**fields, **changes})


def make_submission(**changes: Any) -> Submission:
    flags = {name: changes.pop(name) for name in ("confirmed", "unconfirmed") if name in changes}
    return Submission(request=make_request(**changes), asked_at=NOW, **flags)


def make_result(
    request: SendRequested, kind: Callable[..., Model], *, event_id: UUID | None = None, **fields: Any
) -> Event[Any]:
    """A dispatcher's answer to that request."""
    answered = event_id or request_id(request)
    payload = kind(
        message_id=request.message_id,
        workspace_id=request.workspace_id,
        channel=request.channel,
        channel_id=request.channel_id,
        **{"attempt": 1, **fields},
    )
    made = result_id(answered, 1, type(payload).__name__)
    return make_event(payload, id=made, time=NOW, source="dispatcher", causation=answered)


def make_message(request: SendRequested | None = None, **changes: Any) -> Message:
    """A row of the history, by default of the request that make_request makes."""
    request = request or make_request()
    content = request.content
    fields: dict[str, Any] = {
        "message_id": request.message_id,
        "event_id": request_id(request),
        "workspace_id": request.workspace_id,
        "channel": request.channel,
        "channel_id": request.channel_id,
        "recipient": request.recipient,
        "text": content.text if isinstance(content, TextContent) else None,
        "requested_by": Requester(kind="admin", id=MARIA.id, name=MARIA.name),
        "contact": Addressee(id=ANNA.id, name=ANNA.name, role="user"),
        "conversation_id": CONVERSATION,
        "requested_at": NOW,
        "not_after": request.not_after,
        "status": Status.SENT,
        "status_at": NOW,
        "provider": "twilio",
    }
    return Message(**{**fields, **changes})


def make_state(screen: Screen = Screen.HOME, **changes: Any) -> State:
    """A state of that screen with all that the screen needs."""
    fields: dict[str, Any] = {"contact": ANNA, "screen": screen}
    if screen in {Screen.COMPOSE, Screen.AGAIN}:
        fields["recipient"] = ANNA
        fields["channel"] = make_channel().chosen
        fields["draft"] = Draft(message_id=MESSAGE_ID, recipient_id=ANNA.id, phone="+4915112345678")
    return State(**{**fields, **changes})


def make_reach(**changes: Any) -> Reach:
    """What the dispatcher tells of the channel that make_channel makes."""
    return Reach(**{"channel_id": CHANNEL_ID, **changes})


def make_repeat(**changes: Any) -> Repeat:
    """The question about a message of two minutes ago."""
    fields: dict[str, Any] = {
        "kind": "admin",
        "by": "Tom Becker",
        "at": NOW - timedelta(minutes=2),
        "channel": Channel.SMS,
        "status": Status.DELIVERED,
        "open_new": False,
        "to": "+4915112345678",
        "text": "Your parcel is here.",
    }
    return Repeat(**{**fields, **changes})


def make_told(outcome: Outcome, **changes: Any) -> State:
    """The state of a screen that tells what became of a message."""
    submission = changes.pop("submission", None) or make_submission()
    chosen = make_channel().chosen
    return make_state(outcome.screen, outcome=outcome, submission=submission, recipient=ANNA, channel=chosen, **changes)
