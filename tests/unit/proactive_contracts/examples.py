"""The golden examples as a starting point for tests that change one thing."""

import json
from importlib import resources
from typing import Any

from proactive_contracts.codec import EVENT_TYPES, decode
from proactive_contracts.requests import SendRequested
from proactive_contracts.schemas import file_name
from proactive_contracts.values import Model


def example_text(payload: type[Model]) -> str:
    """The file as it is shipped."""
    return (resources.files("proactive_contracts") / "examples" / file_name(payload)).read_text("utf-8")


def example(payload: type[Model], **data: Any) -> dict[str, Any]:
    """An example's JSON, with fields of `data` replaced; None takes one out."""
    fields: dict[str, Any] = json.loads(example_text(payload))
    fields["data"] |= data
    fields["data"] = {key: value for key, value in fields["data"].items() if value is not None}
    return fields


def make_request(**data: Any) -> SendRequested:
    """The example's request with fields replaced."""
    request = decode(json.dumps(example(SendRequested, **data)).encode()).data
    assert isinstance(request, SendRequested)
    return request


ALL_PAYLOADS = sorted(EVENT_TYPES, key=lambda payload: payload.__name__)
