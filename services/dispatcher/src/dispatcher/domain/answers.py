"""What one attempt to hand a message to a provider came to: a closed set, which adapters fill and the core judges."""

from dataclasses import dataclass
from enum import StrEnum

from proactive_contracts.reasons import FailureReason


class ErrorClass(StrEnum):
    """
    The kinds of definite refusal. What is none of these, after bytes went out, is not a refusal but Unclear.

    not_sent: no byte left us. throttled: too many requests, never processed. refused_temporarily: documented as not
    accepted, a later try may work. rejected: this message will never be taken. blocked: the channel cannot send at
    all (authentication, balance, sender).
    """

    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    REFUSED_TEMPORARILY = "refused_temporarily"
    REJECTED = "rejected"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Accepted:
    """
    The provider took the message under an id of its own.

    `duplicate`: it refused this attempt, since it knows the message's id already. That proves something only where an
    earlier attempt is in doubt: the id may also stay known after a definite refusal, or be somebody else's.
    """

    provider_message_id: str
    segments: int | None = None
    duplicate: bool = False


@dataclass(frozen=True)
class Refused:
    """
    This attempt definitely sent nothing; `detail` is for people, in the provider's words.

    Where the provider was not `asked`, they are ours, and nothing may be told as if it came from the provider.
    `recipient_only`: a limit of this recipient's, not of the sender; others may go on. `own_delay`: we were too slow,
    which says nothing about the provider.
    """

    error_class: ErrorClass
    reason: FailureReason
    detail: str
    provider_code: str | None = None
    retry_after_seconds: float | None = None
    recipient_only: bool = False
    own_delay: bool = False
    asked: bool = True


@dataclass(frozen=True)
class Unclear:
    """Bytes went out and no definite answer came back: the message may have been sent."""

    detail: str
    provider_code: str | None = None


Answer = Accepted | Refused | Unclear


def clean(words: str, longest: int) -> str:
    """
    What a provider wrote, as events and PostgreSQL can hold it: at most `longest` characters.

    NUL and lone surrogates, which JSON may carry, would make the whole answer impossible to record.
    """
    return words.encode("utf-8", "replace").decode().replace("\x00", "")[:longest]
