"""
Why bytes from the bus are not an event that we can act on.

    ContractError
    ├── MalformedEvent        not JSON, or not a CloudEvent
    ├── UnsupportedEvent      a type, or a major version, that this release does not know
    └── InvalidEvent          a known type with a field that breaks its rules
"""


class ContractError(Exception):
    """A message on the bus cannot be read; `reason` is a stable word for headers and metrics."""

    reason = "contract_error"


class MalformedEvent(ContractError):
    """The bytes are not a CloudEvent in structured JSON."""

    reason = "malformed"


class UnsupportedEvent(ContractError):
    """The event's type or major version is unknown to this release."""

    reason = "unsupported"


class InvalidEvent(ContractError):
    """A field of a known event breaks its rules; the text names the field and never quotes its value."""

    reason = "invalid"
