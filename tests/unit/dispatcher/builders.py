"""Requests, channels and jobs for the dispatcher's tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from dispatcher.domain.answers import Answer
from dispatcher.domain.job import decide
from dispatcher.domain.states import Answered, Capabilities, Job, Result, State
from dispatcher.ports import Callback, ChannelInUse, OutboundMessage
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, content_digest, request_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Channel, Lane, Service, TextContent

NOW = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
CHANNEL_ID = UUID("0b5ad1a0-0000-4000-8000-000000000001")
MESSAGE_ID = UUID("0192f0c1-2f30-7e4f-8000-0000000000aa")
ROUTE = "panel.0b5ad1a0-0000-4000-8000-00000000000f"


def make_request(**changes: Any) -> SendRequested:
    fields: dict[str, Any] = {
        "message_id": uuid4(),
        "workspace_id": "w1",
        "channel": Channel.SMS,
        "channel_id": CHANNEL_ID,
        "recipient": "+4915112345678",
        "content": TextContent(text="Hello"),
        "requested_by": Service(name="test"),
        "result_route": ROUTE,
        "not_after": NOW + timedelta(minutes=15),
    }
    return SendRequested(**fields | changes)


def make_event_of(request: SendRequested) -> Event[SendRequested]:
    return make_event(request, id=request_id(request), time=NOW, source="test")


def make_channel(**changes: Any) -> ChannelInUse:
    channel = ChannelInUse(
        id=CHANNEL_ID,
        workspace_id="w1",
        channel=Channel.SMS,
        provider="twilio",
        sender="+4915700000001",
        settings={},
        credentials={"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": "12345"},
    )
    return replace(channel, **changes)


def make_meta_channel(**changes: Any) -> ChannelInUse:
    fields: dict[str, Any] = {
        "channel": Channel.WHATSAPP,
        "provider": "meta",
        "sender": "+4915700000002",
        "settings": {"phone_number_id": "106540352242922"},
        "credentials": {"access_token": "token-of-meta", "app_secret": "secret-of-meta", "verify_token": "ours"},
    }
    return make_channel(**fields | changes)


def make_infobip_channel(**changes: Any) -> ChannelInUse:
    fields: dict[str, Any] = {
        "channel": Channel.VIBER,
        "provider": "infobip",
        "sender": "Proactive",
        "settings": {"base_url": "https://x.api.infobip.example/"},
        "credentials": {"api_key": "key-of-infobip", "webhook_secret": "geheim & ü"},
    }
    return make_channel(**fields | changes)


def make_message(**changes: Any) -> OutboundMessage:
    fields: dict[str, Any] = {
        "message_id": MESSAGE_ID,
        "recipient": "+4915112345678",
        "content": TextContent(text="Grüße & 50 % +1 \U0001f600\nBye"),
        "callback_url": f"https://proactive.example/webhooks/any/{CHANNEL_ID}",
        "seconds_left": 600.7,
    }
    return OutboundMessage(**fields | changes)


def make_callback(
    body: bytes = b"",
    *,
    url: str = f"https://proactive.example/webhooks/any/{CHANNEL_ID}",
    headers: dict[str, str] | None = None,
) -> Callback:
    query = {name: values[-1] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}
    return Callback(url=url, query=query, headers=headers or {}, body=body, received_at=NOW)


def make_job(request: SendRequested, /, **changes: Any) -> Job:
    job = Job(
        workspace_id=request.workspace_id,
        message_id=request.message_id,
        event_id=request_id(request),
        digest=content_digest(request),
        lane=Lane.INTERACTIVE,
        state=State.SENDING,
        since=NOW,
        attempt=1,
        transition=1,
        not_after=request.not_after,
        request=request,
        outcome=None,
        result=None,
        receipt=None,
    )
    return replace(job, **changes)


def told_of(answer: Answer) -> Result:
    """What is told of a first attempt's answer."""
    step = decide(make_job(make_request()), Answered(1, answer), Capabilities("twilio"), NOW, 0.5)
    assert step is not None
    assert step.result is not None
    return step.result
