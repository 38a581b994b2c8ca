"""The ledger: what really reached a provider, and so the customer. Tests and demonstrations judge by it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

# A provider's own view of a message never goes back, whatever order its receipts are sent in.
_NOT_DELIVERED = dict.fromkeys(("undelivered", "failed", "rejected", "expired"), 3)
_RANK = {"queued": 0, "sending": 1, "sent": 2, **_NOT_DELIVERED, "delivered": 4, "read": 5}

CLOSED_SOCKET = 0


@dataclass
class Submission:
    """
    One request to send, as it arrived at a provider.

    `accepted`: the provider took it and sends it to the customer, whatever was answered;
    `reaches_phone` is false for one of these only where the behaviour is that it gets lost on the way.
    `answer_status` is the HTTP status, CLOSED_SOCKET (0) where no answer was given.
    `status` is `refused`, or the provider's status of the accepted message.
    `reference` is what the business wants to hear again in each receipt. `status_callback` gets receipts,
    `seen_callback` those of reading where they have an address of their own; `intermediate` asks for more
    than the final one.
    """

    number: int
    provider: str
    channel: str
    provider_message_id: str | None
    to: str
    sender: str
    text: str
    status_callback: str | None
    accepted: bool
    answer_status: int
    at: datetime
    status: str
    updated_at: datetime
    error_code: int | None = None
    reaches_phone: bool = False
    reference: str | None = None
    seen_callback: str | None = None
    intermediate: bool = False

    def move(self, status: str, error_code: int | None, at: datetime) -> None:
        """Take over a later status; an earlier one changes nothing."""
        if _RANK.get(status, -1) > _RANK.get(self.status, -1):
            self.status, self.error_code, self.updated_at = status, error_code, at


@dataclass
class Reply:
    """What the customer wrote on the phone; `sender` is the customer's number."""

    number: int
    provider: str
    channel: str
    provider_message_id: str
    to: str
    sender: str
    text: str
    at: datetime


@dataclass
class Ledger:
    """Every submission and every reply, oldest first."""

    submissions: list[Submission] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def select(self, provider: str | None = None, to: str | None = None) -> list[Submission]:
        """Submissions of one provider, or to one number, or both; None means any."""
        return [
            row
            for row in self.submissions
            if (provider is None or row.provider == provider) and (to is None or row.to == to)
        ]

    def accepted(self, provider: str) -> Iterable[Submission]:
        """Messages that one provider knows by an id, newest first."""
        return (row for row in reversed(self.submissions) if row.provider == provider and row.accepted)

    def find(self, provider: str, provider_message_id: str) -> Submission | None:
        """One accepted message by the provider's id for it."""
        rows = (row for row in self.accepted(provider) if row.provider_message_id == provider_message_id)
        return next(iter(rows), None)

    def next_number(self) -> int:
        """Submissions and replies share one count, so that a phone shows them in order."""
        return len(self.submissions) + len(self.replies) + 1


def submission_json(row: Submission) -> dict[str, object]:
    """A row as GET /sandbox/ledger shows it."""
    return {
        "provider": row.provider,
        "channel": row.channel,
        "provider_message_id": row.provider_message_id,
        "to": row.to,
        "from": row.sender,
        "text": row.text,
        "status_callback": row.status_callback,
        "reference": row.reference,
        "accepted": row.accepted,
        "reaches_phone": row.reaches_phone,
        "answer_status": row.answer_status,
        "at": row.at.isoformat(),
        "status": row.status,
        "error_code": row.error_code,
        "updated_at": row.updated_at.isoformat(),
    }


Direction = Literal["to_customer", "from_customer"]


def phone_json(ledger: Ledger) -> list[dict[str, object]]:
    """What customers see on their phones: messages that arrive and their own replies, in order."""
    shown: list[tuple[int, dict[str, object]]] = [
        (row.number, _bubble("to_customer", row, row.to, row.status)) for row in ledger.submissions if row.reaches_phone
    ]
    shown += [(row.number, _bubble("from_customer", row, row.sender, None)) for row in ledger.replies]
    return [bubble for _, bubble in sorted(shown, key=lambda pair: pair[0])]


def _bubble(direction: Direction, row: Submission | Reply, customer: str, status: str | None) -> dict[str, object]:
    return {
        "direction": direction,
        "channel": row.channel,
        "customer": customer,
        "business": row.sender if direction == "to_customer" else row.to,
        "text": row.text,
        "at": row.at.isoformat(),
        "status": status,
        "provider_message_id": row.provider_message_id,
    }


def now() -> datetime:
    """The moment, with its time zone."""
    return datetime.now(UTC)
