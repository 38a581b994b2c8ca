"""Events to bytes and back, with the AMQP properties that mirror the envelope."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from proactive_contracts.envelope import Event
from proactive_contracts.errors import InvalidEvent, MalformedEvent, UnsupportedEvent
from proactive_contracts.receipts import DeliveryReported, ReplyReceived, TeammateReplied
from proactive_contracts.requests import MAX_LIFETIME, MAX_SKEW, CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.values import Model

CONTENT_TYPE = "application/cloudevents+json"

MAX_BODY = 256 * 1024
"""Bytes of one encoded event; the longest legitimate one is far below."""

EVENT_TYPES: dict[type[Model], str] = {
    SendRequested: "proactive.send_requested.v1",
    CancelRequested: "proactive.cancel_requested.v1",
    ResolveRequested: "proactive.resolve_requested.v1",
    SendStarted: "proactive.send_started.v1",
    SendAccepted: "proactive.send_accepted.v1",
    SendDeferred: "proactive.send_deferred.v1",
    SendFailed: "proactive.send_failed.v1",
    SendUnknown: "proactive.send_unknown.v1",
    SendCancelled: "proactive.send_cancelled.v1",
    SendExpired: "proactive.send_expired.v1",
    SendResolved: "proactive.send_resolved.v1",
    DeliveryReported: "proactive.delivery_reported.v1",
    ReplyReceived: "proactive.reply_received.v1",
    TeammateReplied: "proactive.teammate_replied.v1",
    MessageStatusChanged: "proactive.message_status_changed.v1",
}
"""Every payload and its CloudEvents type: `proactive.<event>.v<major>`."""

_PAYLOADS = {name: payload for payload, name in EVENT_TYPES.items()}
_ENVELOPES: dict[str, type[Event[Model]]] = {name: Event[payload] for name, payload in _PAYLOADS.items()}  # type: ignore[valid-type]


@dataclass(frozen=True)
class Properties:
    """The AMQP 0-9-1 properties of an event; `headers` hold what has no property of its own."""

    message_id: str
    type: str
    correlation_id: str | None
    timestamp: datetime
    app_id: str
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def make_event(
    payload: Model,
    *,
    id: UUID,  # noqa: A002  the field's name in CloudEvents
    time: datetime,
    source: str,
    causation: UUID | None = None,
    traceparent: str | None = None,
) -> Event[Any]:
    """Put a payload into its envelope; subject and correlation are its message's id, where it names one."""
    name = EVENT_TYPES[type(payload)]
    message_id = getattr(payload, "message_id", None)
    about = None if message_id is None else str(message_id)
    return _ENVELOPES[name](
        id=id,
        type=name,
        source=source,
        subject=about,
        time=time,
        correlationid=about,
        causationid=causation,
        traceparent=traceparent,
        data=payload,
    )


def encode(event: Event[Any]) -> bytes:
    """The event as structured CloudEvents JSON."""
    return event.model_dump_json(exclude_none=True).encode()


def properties_of(event: Event[Any]) -> Properties:
    """The AMQP properties and headers that mirror the envelope."""
    headers = {} if event.traceparent is None else {"traceparent": event.traceparent}
    return Properties(
        message_id=str(event.id),
        type=event.type,
        correlation_id=event.correlationid,
        timestamp=event.time,
        app_id=event.source,
        headers=headers,
    )


def decode(body: bytes, received_at: datetime | None = None) -> Event[Any]:
    """
    Read one event; `event.data` is an instance of one of EVENT_TYPES.

    With `received_at`, a request whose time lies further ahead than clocks differ is refused: its lifetime would not
    be bounded by it.

    Raises:
        MalformedEvent: not JSON, not an object, too large, or without a type.
        UnsupportedEvent: the type or its major version is unknown here.
        InvalidEvent: a field breaks its rules.
    """
    envelope = _ENVELOPES.get(name := _type_of(body))
    if envelope is None:
        known = ", ".join(sorted(_PAYLOADS))
        raise UnsupportedEvent(f"unknown event type {name[:100]!r}; this release reads {known}")
    try:
        event = envelope.model_validate_json(body)
    except ValidationError as error:
        raise InvalidEvent(_explain(error)) from None
    _check_lifetime(event, received_at)
    return event


def _type_of(body: bytes) -> str:
    if len(body) > MAX_BODY:
        raise MalformedEvent(f"{len(body)} bytes; at most {MAX_BODY} are read")
    try:
        fields = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedEvent(f"not JSON: {error}") from None
    name = fields.get("type") if isinstance(fields, dict) else None
    if not isinstance(name, str):
        raise MalformedEvent("not a CloudEvent: the field `type` is missing or no text")
    return name


def _check_lifetime(event: Event[Any], received_at: datetime | None) -> None:
    request = event.data
    if not isinstance(request, SendRequested):
        return
    if received_at is not None and event.time - received_at > MAX_SKEW:
        raise InvalidEvent("time: lies in the future")
    if request.not_after - event.time > MAX_LIFETIME:
        raise InvalidEvent(f"data.not_after: at most {MAX_LIFETIME.days} days after the event's time")


def _explain(error: ValidationError) -> str:
    """One line naming each field and its rule, without the values: they may be personal."""
    problems = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(str(step) for step in p['loc'])}: {_rule(p)}" for p in problems[:10])


def _rule(problem: ErrorDetails) -> str:
    if problem["type"] == "union_tag_invalid":  # its message quotes the value
        return f"kind must be one of {problem['ctx']['expected_tags']}"
    return problem["msg"]
