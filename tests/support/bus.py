"""Another service on the bus: `pika`, plain JSON, and nothing of ours but what docs/events.md says."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

import pika
from pika.adapters.blocking_connection import BlockingChannel

WORKSPACE = "sandbox1"
CHANNEL_ID = "0b5ad1a0-0000-4000-8000-000000000001"
SERVICE = "parcel-tracking"


def send_requested(
    recipient: str, text: str, *, message_id: UUID | None = None, seconds: float = 600, **more: object
) -> dict[str, Any]:
    """A CloudEvent that asks to send an SMS; `more` goes into its data."""
    now = datetime.now(UTC)
    wanted: dict[str, Any] = {
        "message_id": str(message_id or uuid4()),
        "workspace_id": WORKSPACE,
        "channel": "sms",
        "channel_id": CHANNEL_ID,
        "recipient": recipient,
        "content": {"kind": "text", "text": text},
        "requested_by": {"kind": "service", "name": SERVICE},
        "not_after": (now + timedelta(seconds=seconds)).isoformat(),
        **more,
    }
    return envelope("proactive.send_requested.v1", event_id(wanted), wanted)


def cancel_requested(request: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudEvent that asks to stop what a SendRequested asked for; its key is control_key."""
    return envelope("proactive.cancel_requested.v1", uuid4(), about(request) | {"answers": request["id"]})


def resolve_requested(request: Mapping[str, Any], verdict: Literal["sent", "not_sent"]) -> dict[str, Any]:
    """A CloudEvent that says what became of what a SendRequested asked for; its key is control_key."""
    return envelope("proactive.resolve_requested.v1", uuid4(), about(request) | {"verdict": verdict})


def about(request: Mapping[str, Any]) -> dict[str, Any]:
    """What names the message of a SendRequested, and who asks."""
    names = ("message_id", "workspace_id", "channel", "channel_id", "requested_by")
    return {name: request["data"][name] for name in names}


def control_key(request: Mapping[str, Any]) -> str:
    """The routing key of what is said about a message."""
    return f"control.{request['data']['channel']}"


def traced(event: Mapping[str, Any], traceparent: str) -> dict[str, Any]:
    """The event as a service sends it that traces what it does."""
    return {**event, "traceparent": traceparent}


def envelope(kind: str, id: UUID, data: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002  the field's name
    """A CloudEvent in structured JSON, of now."""
    return {
        "specversion": "1.0",
        "id": str(id),
        "type": kind,
        "source": SERVICE,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def event_id(wanted: Mapping[str, Any]) -> UUID:
    """As docs/events.md makes it: one id for one content under one message_id."""
    open_new = wanted.get("thread", {}).get("open_new", False)
    parts = [wanted["channel_id"], wanted["recipient"], wanted["content"], open_new]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return uuid5(UUID(wanted["message_id"]), hashlib.sha256(canonical.encode()).hexdigest())


@contextmanager
def channel_to(amqp_url: str) -> Iterator[BlockingChannel]:
    """A channel with publisher confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
    finally:
        connection.close()


def publish(
    amqp_url: str,
    *events: Mapping[str, Any],
    key: str = "send.sms.bulk",
    exchange: str = "proactive.requests",
) -> None:
    """
    Publish events and wait for the broker's confirms.

    Raises:
        pika.exceptions.UnroutableError: one came back, since no queue is bound to that key.
    """
    with channel_to(amqp_url) as channel:
        for event in events:
            body = json.dumps(event).encode()
            properties = pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2, message_id=event["id"], type=event["type"]
            )
            channel.basic_publish(exchange, key, body, properties, mandatory=True)


def statuses(amqp_url: str, queue: str, message_id: object, until: str, seconds: float = 15) -> list[dict[str, Any]]:
    """The status events of one message in a listener's queue, up to the one that says `until`."""
    seen: list[dict[str, Any]] = []
    ends = time.monotonic() + seconds
    with channel_to(amqp_url) as channel:
        while not any(event["data"]["status"] == until for event in seen):
            assert time.monotonic() < ends, f"no status {until} within {seconds} s; seen: {seen}"
            frame, _, body = channel.basic_get(queue)
            if frame is None:
                time.sleep(0.1)
                continue
            channel.basic_ack(frame.delivery_tag)
            event = json.loads(body)
            if event["data"]["message_id"] == str(message_id):
                seen.append(event)
    return seen
