"""The people, channels and places that the panel speaks of."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from proactive_contracts.values import Channel

REPLACEMENT = "\ufffd"
"""Stands in what was typed where a character was that no text of ours can hold, such as NUL."""


class Screen(StrEnum):
    """The screens of the panel; the ids of a screen's components start with its value."""

    HOME = "home"
    RECIPIENT = "recipient"
    SEARCH = "search"
    MATCHES = "matches"
    CHANNEL = "channel"
    COMPOSE = "compose"
    AGAIN = "again"
    SENDING = "sending"
    DEFERRED = "deferred"
    DECIDING = "deciding"
    STOPPED = "stopped"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    ALREADY_SENT = "already_sent"
    HISTORY = "history"
    FILTER = "filter"
    DETAILS = "details"
    TROUBLE = "trouble"


OUTCOMES = frozenset(
    {
        Screen.SENDING,
        Screen.DEFERRED,
        Screen.DECIDING,
        Screen.STOPPED,
        Screen.SENT,
        Screen.FAILED,
        Screen.UNKNOWN,
        Screen.CHANGED,
        Screen.ALREADY_SENT,
    }
)
"""The screens that tell what became of a submitted message."""


class Wish(StrEnum):
    """What a teammate may decide about a message that is not settled; also the names of the buttons."""

    STOP = "stop"
    MARK_SENT = "mark_sent"
    MARK_NOT_SENT = "mark_not_sent"


class Frozen(BaseModel):
    """A value that travels in the panel's state: unknown fields are refused there, not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(Frozen):
    """Somebody in Intercom. `phone` is spelled as it was typed there."""

    id: str
    external_id: str | None = None
    role: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    last_seen_at: datetime | None = None


class ChosenChannel(Frozen):
    """A connected channel: `kind` is what it is, `name` what the workspace calls it, `sender` what customers see."""

    id: UUID
    kind: Channel
    name: str
    sender: str


@dataclass(frozen=True)
class ConnectedChannel:
    """A channel of the workspace, and whether it may still be sent through."""

    id: UUID
    kind: Channel
    name: str
    sender: str
    enabled: bool

    @property
    def chosen(self) -> ChosenChannel:
        """What the panel keeps of it."""
        return ChosenChannel(id=self.id, kind=self.kind, name=self.name, sender=self.sender)


@dataclass(frozen=True)
class Workspace:
    """A workspace that is connected; `zone` is the time zone that its people read times in."""

    id: str
    zone: tzinfo
    region: str


@dataclass(frozen=True)
class Teammate:
    """Who looks at the panel."""

    id: str
    name: str
