"""The directory's channels as the handlers want them."""

from uuid import UUID

from directory.channels import Channels
from directory.errors import SecretError, UnknownChannel
from dispatcher.ports import ChannelInUse
from runtime.logs import get_logger

log = get_logger()


class DirectoryChannels:
    """dispatcher.ports.ChannelDirectory on the directory's tables."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def find(self, channel_id: UUID) -> ChannelInUse | None:
        """The channel with its credentials; without them where they cannot be opened, which no provider accepts."""
        connected = await self._channels.get(channel_id)
        if connected is None:
            return None
        try:
            credentials = await self._channels.credentials(channel_id)
        except UnknownChannel:
            return None
        except SecretError as error:
            log.error("credentials_unreadable", channel_id=str(channel_id), detail=str(error))
            credentials = {}
        return ChannelInUse(
            id=connected.id,
            workspace_id=connected.workspace_id,
            channel=connected.channel,
            provider=connected.provider,
            sender=connected.sender,
            settings=connected.settings,
            credentials=credentials,
            enabled=connected.enabled,
        )
