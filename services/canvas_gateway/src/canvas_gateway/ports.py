"""What the handlers need of the world outside, in their own words; app.py says who does it."""

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from canvas_gateway.domain.history import Message, Page
from canvas_gateway.domain.outcome import Published
from canvas_gateway.domain.reach import Reach
from canvas_gateway.domain.state import Filter
from canvas_gateway.domain.values import ConnectedChannel, Person, Workspace
from proactive_contracts.envelope import Event

NO_FILTER = Filter()

Settles = Callable[[Event[Any]], bool]
"""Whether a dispatcher's event is what somebody waits for."""


class Clock(Protocol):
    """The time and new ids."""

    def now(self) -> datetime:
        """The current time, aware."""

    def new_id(self) -> UUID:
        """An id that nothing else has."""


class Directory(Protocol):
    """The workspaces that are connected, and their channels. Raises Interruption where it cannot be read."""

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None where it is not connected."""

    async def channels(self, workspace_id: str) -> Sequence[ConnectedChannel]:
        """Its channels by name, those that were disconnected included."""


class Contacts(Protocol):
    """People in Intercom. Raises Interruption where Intercom is slow, busy, down or refuses; `seconds` limit a call."""

    async def get(self, workspace: Workspace, contact_id: str, seconds: float) -> Person | None:
        """One person, or the one that they were merged into; None where there is none."""

    async def find(self, workspace: Workspace, field: str, value: str, seconds: float) -> Sequence[Person]:
        """Everybody whose `id`, `email` or `phone` it is, newest seen first."""


class History(Protocol):
    """What was sent. Raises Interruption where it cannot be read; `seconds` limit a call."""

    async def page(
        self,
        workspace_id: str,
        *,
        limit: int,
        seconds: float,
        conversation_id: str | None = None,
        requested_by: str | None = None,
        wanted: Filter = NO_FILTER,
        cursor: str | None = None,
    ) -> Page:
        """Some messages, newest first. Raises SearchRefused where what was typed cannot be looked for."""

    async def message(self, workspace_id: str, message_id: UUID, seconds: float) -> Message | None:
        """One message with its timeline; None where the history does not know it."""

    async def repeated(
        self, workspace_id: str, recipient: str, text: str, message_id: UUID, resend_of: UUID | None, seconds: float
    ) -> Message | None:
        """
        The message of the last minutes that `message_id` would repeat; None where it is known itself.

        What it is a re-send of is not meant.
        """


class Reachability(Protocol):
    """Whether people can be reached through a workspace's channels."""

    async def of(self, workspace_id: str, recipient: str | None) -> Mapping[UUID, Reach]:
        """What is known of each connected channel, and of this number there; never raises, and never takes long."""


class Bus(Protocol):
    """Where requests and decisions are published."""

    @property
    def connected(self) -> bool:
        """Whether a request would leave at once."""

    async def publish(self, request: Event[Any], seconds: float) -> Published:
        """Publish a request, or a decision, for the dispatchers; never raises, its answer says what is known."""


class Results(Protocol):
    """The dispatchers' answers to this replica."""

    @property
    def route(self) -> str:
        """Where answers reach this replica: `panel.<uuid>`."""

    def expecting(self, event_id: UUID, settles: Settles) -> AbstractContextManager[Future[Event[Any]]]:
        """The first event about that request from now on that settles it; any number may expect the same one."""
