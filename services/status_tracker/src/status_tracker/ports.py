"""What this service needs of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from proactive_contracts.envelope import Event
from status_tracker.domain.findings import Job


class Announce(Protocol):
    """Publishes status events."""

    async def send_all(
        self, events: Sequence[tuple[Event[Any], bytes]], *, timeout: float = 5
    ) -> Sequence[BaseException | None]:
        """Events beside their bytes: of each None once the broker has it, or what went wrong; `timeout` in seconds."""


class Taken(StrEnum):
    """What the dispatcher says of a message."""

    NEVER = "never"
    YES = "yes"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class LookUp:
    """The dispatcher's answer; where it has taken the message, what its job says, if that can be read here."""

    taken: Taken
    job: Job | None = None


class Dispatcher(Protocol):
    """Knows which messages a worker claimed, and what became of them."""

    async def look_up(self, workspace_id: str, message_id: UUID) -> LookUp:
        """What it knows of the message; never raises."""


class Erased(Protocol):
    """Whom an operator erased."""

    async def covers(self, workspace_id: str, number: str, asked_at: datetime) -> bool:
        """Whether the person was erased after `asked_at`."""


class ThreadError(Exception):
    """
    A note was not written, or a conversation not opened.

        ThreadError
        ├── NotDone         nothing was done; try again, after a pause where the answer names one
        │   └── NotYet          Intercom does not know the contact; it may within minutes
        ├── MaybeDone       it may have been done; look for it before trying again
        └── Impossible      trying again changes nothing; the text is for agents, too
    """


class NotDone(ThreadError):
    """Nothing was done. `pause_seconds` is how long Intercom asks to wait, None where it does not say."""

    def __init__(self, detail: str, pause_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.pause_seconds = pause_seconds


class NotYet(NotDone):
    """Nothing was done: what Intercom was asked for may be too new to be found."""


class MaybeDone(ThreadError):
    """It may have been done."""


class Impossible(ThreadError):
    """It can never be done."""


class Threads(Protocol):
    """The conversations of all workspaces. Both calls raise a ThreadError."""

    async def contains(self, workspace_id: str, conversation_id: str, marker: str) -> bool:
        """Whether a part of the conversation holds the marker."""

    async def add_note(self, workspace_id: str, conversation_id: str, admin_id: str | None, html: str) -> None:
        """Write an internal note as the teammate, or as the workspace's default one."""


class Conversations(Protocol):
    """New conversations of any workspace; every call may raise a ThreadError."""

    async def find(
        self, workspace_id: str, contact_id: str, admin_id: str | None, html: str, since: datetime
    ) -> Sequence[str]:
        """
        Those that began with this message of the teammate's, or of the default one's, since then, oldest first.

        What the customer began with the same words is none of them. Intercom may not find the newest yet.
        """

    async def open(self, workspace_id: str, contact_id: str, admin_id: str | None, html: str) -> str:
        """Open one with a message of the teammate's, or of the workspace's default one; its id."""

    async def settle(self, workspace_id: str, conversation_id: str, admin_id: str | None) -> None:
        """Mark it as read and assign it to its sender, as far as the workspace wants that; safe to repeat."""

    async def address(self, workspace_id: str, conversation_id: str) -> str:
        """Where teammates read it."""
