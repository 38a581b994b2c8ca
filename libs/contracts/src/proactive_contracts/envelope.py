"""The CloudEvents 1.0 envelope around every payload, and the ids that make telling twice harmless."""

import hashlib
import json
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID, uuid5

from pydantic import Field

from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Model, Moment, Word

_TRACEPARENT = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode

Payload = TypeVar("Payload", bound=Model, covariant=True)


class Event(Model, Generic[Payload]):
    """
    One event, in the words of CloudEvents 1.0 (structured JSON).

    `correlationid` is the message's id, `causationid` the id of the event that this one answers.
    """

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    type: str
    source: Word
    subject: Word | None = None
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    correlationid: Word | None = None
    causationid: UUID | None = None
    traceparent: str | None = Field(default=None, pattern=_TRACEPARENT)
    data: Payload


@lru_cache(1024)  # a message's events come one soon after another
def traceparent_of(workspace_id: str, message_id: UUID) -> str:
    """
    The W3C trace context of a message that came without one: the same for whoever asks.

    Nobody made the span that it names: that is the trace's first half, which tells it from one that somebody made.
    """
    trace = hashlib.blake2b(f"{workspace_id}/{message_id}".encode(), digest_size=16).hexdigest()
    return f"00-{trace}-{trace[:16]}-01"


def trace_of(event: Event[Any]) -> str | None:
    """The trace context that an event carries, else its message's; None where it has neither."""
    message_id = getattr(event.data, "message_id", None)
    if event.traceparent is not None or message_id is None:
        return event.traceparent
    return traceparent_of(event.data.workspace_id, message_id)


def content_digest(request: SendRequested) -> str:
    """
    Digest of what the customer would get, and how: SHA-256 in hexadecimal over a JSON array.

    The array is channel_id, recipient, content and thread.open_new, written without blanks, keys sorted,
    non-ASCII characters escaped. Two requests with one digest are the same request.
    """
    parts = [
        str(request.channel_id),
        request.recipient,
        request.content.model_dump(mode="json"),
        request.thread.open_new,
    ]
    return hashlib.sha256(_canonical(parts).encode()).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 in hexadecimal over a text's words: two texts that differ in blanks only have one digest."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def request_id(request: SendRequested) -> UUID:
    """The id of a SendRequested: one for one content under one message_id, another for any other."""
    return uuid5(request.message_id, content_digest(request))


def result_id(answered: UUID, transition: int, outcome: str) -> UUID:
    """The id of a result: telling one twice yields the same id, two different results never do."""
    return uuid5(answered, f"{transition}:{outcome}")


def receipt_id(channel_id: UUID, provider_message_id: str, status: str, code: str | None) -> UUID:
    """The id of a provider's receipt, the same each time that the provider repeats it."""
    return uuid5(channel_id, json.dumps([provider_message_id, status, code]))
