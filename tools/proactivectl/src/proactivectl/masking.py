"""An event as operators may see it: ids, kinds and times, but no texts, no names of people, no phone numbers."""

import re
from typing import Any, Final

from pydantic_core import from_json

from runtime.logs import masked, without_numbers

_NUMBERS: Final = frozenset({"recipient", "sender"})

_IDS: Final = frozenset({"id", "conversation_id"})
"""Intercom numbers some of them: hidden, they would be of no use."""

# fmt: off
_PLAIN: Final = frozenset({
    "specversion", "type", "source", "subject", "time", "datacontenttype", "correlationid", "causationid",
    "traceparent", "message_id", "workspace_id", "channel", "channel_id", "kind", "role", "language", "result_route",
    "resend_of", "answers", "not_before", "not_after", "due_at", "status", "previous", "reason", "verdict", "provider",
    "provider_code", "provider_message_id", "attempt", "segments", "open_new", "reported_at", "received_at", "since",
})
# fmt: on
_LONGEST = 200


def event_in_view(body: bytes) -> Any:
    """The body of an event, masked; None where it is no JSON object."""
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    return _view(document) if isinstance(document, dict) else None


def number(phone: str) -> str:
    """A recipient or sender: the last four digits."""
    return masked(phone)


def _view(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {_key(str(key)): _view(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_view(inner, name) for inner in value[:50]]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str) and name in _NUMBERS:
        return number(value)
    words = str(value)
    if name in _IDS and len(words) <= _LONGEST and not words.startswith("+"):
        return value
    if name in _PLAIN and len(words) <= _LONGEST:
        shown = without_numbers(words)
        return value if shown == words else shown
    return f"[hidden, {len(words)} characters]"


def _key(name: str) -> str:
    """A field that we do not know may be anything."""
    return name if re.fullmatch(r"[A-Za-z_]{1,50}", name) else "[hidden]"
