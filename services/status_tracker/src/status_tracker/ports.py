"""What this service needs of others."""

from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from proactive_contracts.envelope import Event


class Announce(Protocol):
    """Publishes a status event, confirmed by the broker, or raises runtime's PublishFailed."""

    async def send(self, event: Event[Any], *, timeout: float = 5) -> None:
        """Return once the broker has it; `timeout` is in seconds."""


class Taken(StrEnum):
    """What the dispatcher says of a message."""

    NEVER = "never"
    YES = "yes"
    NO_ANSWER = "no_answer"


class Dispatcher(Protocol):
    """Knows which messages a worker claimed."""

    async def has_taken(self, workspace_id: str, message_id: UUID) -> Taken:
        """Whether it ever saw the message; never raises."""


class ThreadError(Exception):
    """
    A note was not written.

        ThreadError
        ├── NotDone         nothing was written; try again, after a pause where the answer names one
        ├── MaybeDone       it may have been written; look for it before trying again
        └── Impossible      trying again changes nothing
    """


class NotDone(ThreadError):
    """Nothing was written. `pause_seconds` is how long Intercom asks to wait, None where it does not say."""

    def __init__(self, detail: str, pause_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.pause_seconds = pause_seconds


class MaybeDone(ThreadError):
    """It may have been written."""


class Impossible(ThreadError):
    """It can never be written."""


class Threads(Protocol):
    """The conversations of all workspaces. Both calls raise a ThreadError."""

    async def contains(self, workspace_id: str, conversation_id: str, marker: str) -> bool:
        """Whether a part of the conversation holds the marker."""

    async def add_note(self, workspace_id: str, conversation_id: str, admin_id: str | None, html: str) -> None:
        """Write an internal note as the teammate, or as the workspace's default one."""
