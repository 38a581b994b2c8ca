"""Which notes a conversation gets about a message, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Final
from uuid import UUID

from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Content, TextContent
from status_tracker.domain.entries import Entry, Request, Source


class Kind(StrEnum):
    """What a note tells. The values are part of the markers: letters only, and none begins another."""

    SENT = "sent"
    FAILED = "failed"
    PARTIAL = "partial"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    UNTAKEN = "untaken"
    STOPPED = "stopped"
    """Only after an earlier note: what a teammate stops in time needs none."""
    REFUTED = "refuted"
    ARRIVED = "arrived"
    """Sent after all."""
    REACHED = "reached"
    """A receipt says that it was delivered after all: a message may be sent after all, fail, and yet be delivered."""
    OPENED = "opened"
    """Of the new conversation only, where the note about the message could not wait for it."""
    FOUND = "found"
    """Of a new conversation that Intercom did not tell of, and that was found later."""


ON_OPENING: Final = frozenset({Kind.OPENED, Kind.FOUND})
"""These tell nothing of the message itself."""

_KINDS: Final = {
    Status.NOT_CONFIRMED: Kind.UNTAKEN,
    Status.UNKNOWN: Kind.UNKNOWN,
    Status.CANCELLED: Kind.STOPPED,
    Status.EXPIRED: Kind.EXPIRED,
    Status.NOT_SENT: Kind.REFUTED,
    Status.SENT: Kind.SENT,
    Status.FAILED: Kind.FAILED,
    Status.DELIVERED: Kind.REACHED,
    Status.READ: Kind.REACHED,
}

_OPEN: Final = frozenset({Kind.UNKNOWN, Kind.UNTAKEN})
"""What became of the message is not known yet."""

GOOD: Final = frozenset({Kind.SENT, Kind.ARRIVED, Kind.REACHED})
"""The customer has got it, as far as is known."""

_BAD: Final = frozenset({Kind.FAILED, Kind.PARTIAL, Kind.STOPPED, Kind.EXPIRED, Kind.REFUTED})

_TELL_ALL: Final = frozenset({FailureReason.CHANGED, FailureReason.ALREADY_SENT})
"""Reasons whose words leave nothing to add."""


def kind_of(decisive: Entry) -> Kind | None:
    """The note that tells of it; None where there is nothing to tell yet."""
    if decisive.is_partial:
        return Kind.PARTIAL
    return _KINDS.get(decisive.status) if decisive.status else None


def due(noted: Kind | None, kind: Kind | None) -> Kind | None:
    """
    The note to write now, when the last one told `noted` and `kind` is true now.

    The first outcome gets one. A later one only when it is worse, when it says what became of a message that may have
    been sent, or when the last note became untrue: what had failed has arrived after all.
    """
    if noted in _BAD and kind in GOOD:
        return Kind.ARRIVED if kind is Kind.SENT else kind
    if kind is Kind.REACHED:
        kind = Kind.SENT
    if noted is None:
        return None if kind is Kind.STOPPED else kind
    if kind is None:
        return None
    resolved = noted in _OPEN and kind not in _OPEN
    worse = noted in GOOD and kind in _BAD
    return kind if resolved or worse else None


def marker(message_id: UUID, kind: Kind) -> str:
    """
    What is looked for before a note is written again: one word that no HTML writer changes.

    The last 12 digits of the id are 48 random bits: plenty to tell the messages of one conversation apart.
    """
    return f"{message_id.hex[-12:]}-{kind}"


@dataclass(frozen=True)
class NewConversation:
    """What a note tells of the conversation that was asked for: its addresses, why there is none, or not yet."""

    addresses: Sequence[str] = ()
    failure: str | None = None


def note(request: Request, decisive: Entry, reference: str, new: NewConversation | None = None) -> str:
    """The note as HTML: what became of which message, why, what to do, and where the rest is; `reference` ends it."""
    about_new = [_about(new)] if new else []
    text = "Its text is not kept any more." if request.text_removed else _quoted(request.asked.content)
    return _html(_headline(request.asked, decisive), *_explanation(decisive), text, *about_new, reference)


def note_on_opening(asked: SendRequested, new: NewConversation, reference: str) -> str:
    """A note on the new conversation alone, written after the one about the message."""
    channel, to = escape(asked.channel.label), f"{escape(asked.recipient)}{_named(asked)}"
    sender = escape(asked.requested_by.name)
    return _html(_about(new), f"It belongs to the {channel} message to {to}, sent by {sender}.", reference)


def _html(*paragraphs_and_reference: str) -> str:
    *paragraphs, reference = paragraphs_and_reference
    footer = f'<i>The whole story is behind "View sent messages". Ref {reference}</i>'
    return "".join(f"<p>{paragraph}</p>" for paragraph in (*paragraphs, footer))


def _about(new: NewConversation) -> str:
    if new.addresses:
        links = " · ".join(f'<a href="{escape(address)}">{escape(address)}</a>' for address in new.addresses)
        what = "Opened a new conversation:" if len(new.addresses) == 1 else "Opened new conversations:"
        return f"<b>{what}</b> {links}"
    if new.failure:
        return f"<b>The new conversation could not be opened.</b> {escape(new.failure)}"
    return "The new conversation is not open yet; a note follows."


def readable(content: Content) -> str:
    """The text of a message for people; of a template its name and what stands in its places."""
    if isinstance(content, TextContent):
        return content.text
    places = "".join(f"\n{variable.name}: {variable.value}" for variable in content.variables)
    return f"Template {content.name} ({content.language}){places}"


def _headline(asked: SendRequested, decisive: Entry) -> str:
    """Such as `SMS message sent: to +4915112345678 (Anna Schmidt), by Maria Lopez.`, in the words of all screens."""
    assert decisive.status is not None, "only a status is noted"
    what = f"{asked.channel.label} message {decisive.status.label.lower()}"
    sender = escape(asked.requested_by.name)
    return f"<b>{escape(what)}</b>: to {escape(asked.recipient)}{_named(asked)}, by {sender}."


def _named(asked: SendRequested) -> str:
    name = asked.contact.name if asked.contact else None
    return f" ({escape(name)})" if name else ""


def _explanation(decisive: Entry) -> list[str]:
    """Why, in our words and in the provider's, and what to do next."""
    status = decisive.status
    assert status is not None, "only a status is noted"
    if status is Status.FAILED and decisive.reason is not None:
        why, advice = decisive.reason.why, decisive.reason.advice
    elif decisive.source is Source.PERSON and decisive.detail:
        why, advice = decisive.detail, status.advice
    else:
        why, advice = status.meaning, status.advice
    return [f"{escape(why)}{_added(decisive, why)}", f"<b>What to do:</b> {escape(advice)}"]


def _added(decisive: Entry, why: str) -> str:
    """The provider's words under its name; ours, where it did not refuse the message itself, under none."""
    if kind_of(decisive) in GOOD or decisive.reason in _TELL_ALL or decisive.detail == why:
        return ""
    said = " ".join(part for part in (decisive.provider_code, decisive.detail) if part)
    refused = decisive.provider is not None and decisive.status is Status.FAILED
    named = f"{decisive.provider}: {said}" if refused else said
    return f" ({escape(named)})" if said else ""


def _quoted(content: Content) -> str:
    return "“" + "<br>".join(escape(line) for line in readable(content).splitlines()) + "”"
