"""Which notes a conversation gets about a message, and what they say."""

from enum import StrEnum
from html import escape
from typing import Final
from uuid import UUID

from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Content, TextContent
from status_tracker.domain.entries import Entry


class Kind(StrEnum):
    """What a note tells. The values are part of the markers: letters only, and none begins another."""

    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    UNTAKEN = "untaken"
    REFUTED = "refuted"
    ARRIVED = "arrived"


_KINDS: Final = {
    Status.NOT_CONFIRMED: Kind.UNTAKEN,
    Status.UNKNOWN: Kind.UNKNOWN,
    Status.EXPIRED: Kind.EXPIRED,
    Status.NOT_SENT: Kind.REFUTED,
    Status.SENT: Kind.SENT,
    Status.FAILED: Kind.FAILED,
    Status.DELIVERED: Kind.SENT,
    Status.READ: Kind.SENT,
}

_OPEN: Final = frozenset({Kind.UNKNOWN, Kind.UNTAKEN})
"""What became of the message is not known yet."""

_GOOD: Final = frozenset({Kind.SENT, Kind.ARRIVED})

_BAD: Final = frozenset({Kind.FAILED, Kind.EXPIRED, Kind.REFUTED})


def kind_of(status: Status) -> Kind | None:
    """The note that tells of a status; None where there is nothing to tell yet, or the teammate did it."""
    return _KINDS.get(status)


def due(noted: Kind | None, status: Status) -> Kind | None:
    """
    The note to write now, when the last one told `noted`.

    The first outcome gets one. A later one only when it is worse, when it says what became of a message that may have
    been sent, or when the last note became untrue: what "was not delivered" has arrived after all.
    """
    kind = kind_of(status)
    if kind is None or noted is None:
        return kind
    if noted in _BAD and kind is Kind.SENT:
        return Kind.ARRIVED
    resolved = noted in _OPEN and kind not in _OPEN
    worse = noted in _GOOD and kind in _BAD
    return kind if resolved or worse else None


def marker(message_id: UUID, kind: Kind) -> str:
    """
    What is looked for before a note is written again: one word that no HTML writer changes.

    The last 12 digits of the id are 48 random bits: plenty to tell the messages of one conversation apart.
    """
    return f"{message_id.hex[-12:]}-{kind}"


def note(asked: SendRequested, decisive: Entry, reference: str) -> str:
    """The note as HTML: what happened to which message, why, what to do, and `reference` at its end."""
    paragraphs = [_headline(asked, decisive), *_explanation(decisive), _quoted(asked.content)]
    paragraphs.append(f"<i>Ref {reference}</i>")
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def readable(content: Content) -> str:
    """The text of a message for people; of a template its name and what stands in its places."""
    if isinstance(content, TextContent):
        return content.text
    places = "".join(f"\n{variable.name}: {variable.value}" for variable in content.variables)
    return f"Template {content.name} ({content.language}){places}"


def _headline(asked: SendRequested, decisive: Entry) -> str:
    sender, channel = escape(asked.requested_by.name), escape(asked.channel.label)
    to = f"to {escape(asked.recipient)}{_named(asked)}"
    match decisive.status:
        case Status.SENT:
            return f"<b>{channel} message sent</b> {to} by {sender}."
        case Status.DELIVERED | Status.READ:
            return f"<b>{channel} message delivered</b> {to}, sent by {sender}."
        case Status.UNKNOWN | Status.NOT_CONFIRMED:
            return f"<b>{channel} message may have been sent</b> {to} by {sender}."
        case Status.FAILED if decisive.reason is FailureReason.ALREADY_SENT:
            return f"<b>{channel} message not sent again</b> {to}, asked for by {sender}."
        case _:
            return f"<b>{channel} message not delivered</b> {to}, written by {sender}."


def _named(asked: SendRequested) -> str:
    name = asked.contact.name if asked.contact else None
    return f" ({escape(name)})" if name else ""


def _explanation(decisive: Entry) -> list[str]:
    """Why, in our words and in the provider's, and what to do next."""
    match decisive.status:
        case Status.SENT | Status.DELIVERED | Status.READ | None:
            return []
        case Status.FAILED if decisive.reason is not None:
            why, advice = decisive.reason.why, decisive.reason.advice
        case status:
            why, advice = status.meaning, status.advice
    provider = decisive.detail if decisive.provider else None
    said = [part for part in (decisive.provider_code, provider) if part]
    quoted = f" ({escape(decisive.provider or 'provider')}: {escape(' '.join(said))})" if said else ""
    return [f"{escape(why)}{quoted}", f"<b>What to do:</b> {escape(advice)}"]


def _quoted(content: Content) -> str:
    return "“" + "<br>".join(escape(line) for line in readable(content).splitlines()) + "”"
