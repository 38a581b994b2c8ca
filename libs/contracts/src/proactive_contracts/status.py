"""
The one vocabulary for what became of a message: values for machines, words for people.

Panel, notes, history and status events take them from here; docs/statuses.md shows them.
"""

from enum import StrEnum
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import (
    Moment,
    RequestedBy,
    Subject,
    Word,
    Words,
)


class Status(StrEnum):
    """What is known of a message. Which one wins over which is status_tracker's business."""

    QUEUED = "queued"
    NOT_CONFIRMED = "not_confirmed"
    SENDING = "sending"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_SENT = "not_sent"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"

    @property
    def label(self) -> str:
        """The words that agents read."""
        return _WORDS[self][0]

    @property
    def meaning(self) -> str:
        """One sentence on what the status means."""
        return _WORDS[self][1]

    @property
    def advice(self) -> str:
        """One sentence on what to do next."""
        return _WORDS[self][2]

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Schemas and API descriptions say what each value means, in the same words."""
        meanings = (f"`{status}`: {status.label}. {status.meaning}" for status in cls)
        return handler(schema) | {"description": "\n\n".join(("What is known of a message.", *meanings))}


_WORDS: dict[Status, tuple[str, str, str]] = {
    Status.QUEUED: (
        "Queued",
        "It waits for a sender to take it.",
        "Refresh in a moment.",
    ),
    Status.NOT_CONFIRMED: (
        "Not confirmed",
        "None of our senders took it in time.",
        "Ask the customer, or re-send it.",
    ),
    Status.SENDING: (
        "Sending",
        "It is being handed to the provider.",
        "Refresh in a moment.",
    ),
    Status.WAITING: (
        "Will be tried again",
        "It has not left yet, and we try again.",
        "Refresh later, or stop trying.",
    ),
    Status.UNKNOWN: (
        "May have been sent",
        "We could not confirm it with the provider.",
        "Ask the customer before you re-send it: they may get it twice.",
    ),
    Status.CANCELLED: (
        "Cancelled",
        "It was stopped before it left. Nothing was sent.",
        "Write a new message if it is still needed.",
    ),
    Status.EXPIRED: (
        "Expired",
        "It could not leave in time. Nothing was sent.",
        "Re-send it if it is still needed.",
    ),
    Status.NOT_SENT: (
        "Not sent",
        "A teammate confirmed that it was not sent.",
        "Re-send it if it is still needed.",
    ),
    Status.SENT: (
        "Sent",
        "The provider took it. The customer's phone has not confirmed it yet.",
        'Nothing now: "View sent messages" shows whether it was delivered.',
    ),
    Status.FAILED: (
        "Failed",
        "It did not reach the customer, or only in part.",
        "See the reason, correct it and re-send it.",
    ),
    Status.DELIVERED: (
        "Delivered",
        "It reached the customer's phone.",
        "Nothing to do.",
    ),
    Status.READ: (
        "Read",
        "The customer opened it.",
        "Nothing to do.",
    ),
}


class MessageStatusChanged(Subject):
    """For whoever listens: the status of a message is another than before. Holds no text and no number."""

    status: Status
    previous: Status | None = None
    reason: FailureReason | None = None
    provider_code: Word | None = None
    detail: Words | None = None
    requested_by: RequestedBy
    since: Moment
