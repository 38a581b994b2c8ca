"""The directory's channels as the handlers want them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from directory.channels import Channels, ConnectedChannel
from directory.errors import SecretError, UnknownChannel
from directory.recent import Recent
from dispatcher.ports import ChannelInUse
from runtime.logs import get_logger

log = get_logger()


class DirectoryChannels:
    """dispatcher.ports.ChannelDirectory on the directory's tables."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._recent: Recent[str, Sequence[ConnectedChannel]] = Recent()

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

    async def having(self, provider: str, setting: str, values: Collection[str]) -> Sequence[ChannelInUse]:
        """Those whose setting matches; the list of channels is remembered for a few seconds."""
        connected = await self._recent.get(provider, self._of_provider)
        matching = [one.id for one in connected if one.settings.get(setting) in values]
        found = [await self.find(channel_id) for channel_id in matching]
        return [channel for channel in found if channel is not None]

    async def _of_provider(self, provider: str) -> Sequence[ConnectedChannel]:
        return [channel for channel in await self._channels.list() if channel.provider == provider]
