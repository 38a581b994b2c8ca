"""The workspaces that are connected and their channels, read from the directory."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import ConnectedChannel, Workspace
from directory.channels import Channels
from directory.errors import DirectoryError
from directory.workspaces import Workspaces
from runtime.logs import get_logger
from runtime.postgres import TROUBLE

_SECONDS = 1.5
"""How long one read may take: an agent waits for it."""

Read = TypeVar("Read")

_given_up: set[asyncio.Task[Any]] = set()
"""Reads that nobody waits for, kept from the garbage collector until they end."""

log = get_logger()


class ConnectedWorkspaces:
    """The directory, in the panel's words. Raises Interruption(DIRECTORY_DOWN) while the database does not answer."""

    def __init__(self, workspaces: Workspaces, channels: Channels) -> None:
        self._workspaces = workspaces
        self._channels = channels

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None where it is not connected."""
        found = await _read(self._workspaces.get(workspace_id))
        return None if found is None else Workspace(id=found.id, zone=_zone(found.time_zone), region=found.region)

    async def channels(self, workspace_id: str) -> Sequence[ConnectedChannel]:
        """Its channels by name, those that were disconnected included."""
        found = await _read(self._channels.of_workspace(workspace_id))
        return [
            ConnectedChannel(id=one.id, kind=one.channel, name=one.name, sender=one.sender, enabled=one.enabled)
            for one in found
        ]

    async def token(self, workspace_id: str) -> str:
        """The workspace's Intercom token; Interruption(INTERCOM_REFUSED) where it is missing or cannot be opened."""
        try:
            return await _read(self._workspaces.token(workspace_id))
        except DirectoryError as error:
            log.error("token_unreadable", error=type(error).__name__, workspace_id=workspace_id)
            raise Interruption(Kind.INTERCOM_REFUSED) from None


async def _read(reading: Coroutine[Any, Any, Read]) -> Read:
    """One read, in a task of its own: a connection that hangs is given up without waiting for its own clean-up."""
    task = asyncio.create_task(reading)
    done, _ = await asyncio.wait({task}, timeout=_SECONDS)
    try:
        if not done:
            _given_up.add(task)
            task.add_done_callback(_forget)
            task.cancel()
            raise TimeoutError
        return task.result()
    except TROUBLE as error:
        log.warning("directory_unreadable", error=type(error).__name__)
        raise Interruption(Kind.DIRECTORY_DOWN) from None


def _forget(task: asyncio.Task[Any]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # seen: nobody waits for it any more


def _zone(name: str) -> tzinfo:
    """The workspace's time zone; UTC where this machine does not know it, rather than no panel at all."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("time_zone_unknown", zone=name)
        return UTC
