"""The workspaces that are connected and their channels, read from the directory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, tzinfo
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

log = get_logger()


class ConnectedWorkspaces:
    """The directory, in the panel's words. Raises Interruption(DIRECTORY_DOWN) while the database does not answer."""

    def __init__(self, workspaces: Workspaces, channels: Channels) -> None:
        self._workspaces = workspaces
        self._channels = channels

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None where it is not connected."""
        async with _reading():
            found = await self._workspaces.get(workspace_id)
        return None if found is None else Workspace(id=found.id, zone=_zone(found.time_zone), region=found.region)

    async def channels(self, workspace_id: str) -> Sequence[ConnectedChannel]:
        """Its channels by name, those that were disconnected included."""
        async with _reading():
            found = await self._channels.of_workspace(workspace_id)
        return [
            ConnectedChannel(id=one.id, kind=one.channel, name=one.name, sender=one.sender, enabled=one.enabled)
            for one in found
        ]

    async def token(self, workspace_id: str) -> str:
        """The workspace's Intercom token; Interruption(INTERCOM_REFUSED) where it is missing or cannot be opened."""
        try:
            async with _reading():
                return await self._workspaces.token(workspace_id)
        except DirectoryError as error:
            log.error("token_unreadable", error=type(error).__name__, workspace_id=workspace_id)
            raise Interruption(Kind.INTERCOM_REFUSED) from None


@asynccontextmanager
async def _reading() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except TROUBLE as error:
        log.warning("directory_unreadable", error=type(error).__name__)
        raise Interruption(Kind.DIRECTORY_DOWN) from None


def _zone(name: str) -> tzinfo:
    """The workspace's time zone; UTC where this machine does not know it, rather than no panel at all."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("time_zone_unknown", zone=name)
        return UTC
