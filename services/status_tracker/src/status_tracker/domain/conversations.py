"""New Intercom conversations: when one is opened for a message, with what text, and what became of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Final

from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Content
from status_tracker.domain.notes import readable

OPEN: Final = "open"
"""The kind of the effect that opens one, beside the kinds of notes."""

LOOK: Final = "look"
"""The kind of the effect that looks, once more and much later, for a second one that Intercom did not tell of."""

_ARRIVED: Final = frozenset({Status.SENT, Status.DELIVERED, Status.READ})


@dataclass(frozen=True)
class Opening:
    """What became of the wish for a new conversation: where it is, or why there is none; nothing of both: not yet."""

    conversation_ids: tuple[str, ...] = ()
    failure: str | None = None


def opens(asked: SendRequested, status: Status) -> bool:
    """Whether the time has come to open one: the sender wants it, and the provider took the message."""
    return asked.thread.open_new and status in _ARRIVED


def body_of(content: Content) -> str:
    """The text as Intercom's HTML; as plain text, a `<` in it could be read as a tag."""
    return f"<p>{'<br>'.join(escape(line, quote=False) for line in readable(content).splitlines())}</p>"


def same_text(one: str, other: str) -> bool:
    """Whether two bodies read the same; Intercom writes its own tags, links and blanks around the words."""
    return _words(one) == _words(other)


def _words(html: str) -> Sequence[str]:
    broken = re.sub(r"(?i)<br\s*/?>|</p>", " ", html)
    return unescape(re.sub(r"<[^>]*>", "", broken)).split()
