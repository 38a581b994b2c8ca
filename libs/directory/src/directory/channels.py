"""The channels that workspaces have connected: a provider, a sender and the credentials for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from directory.database import Database, Record
from directory.errors import ChannelTaken, NameTaken, NoVault, NumberTaken, UnknownChannel, UnknownWorkspace
from directory.providers import PROVIDERS
from directory.recent import Recent
from directory.secrets import Vault
from proactive_contracts.values import Channel


@dataclass(frozen=True)
class ConnectedChannel:
    """
    One sender of one workspace at one provider.

    `name` is what agents choose by, unique within the workspace. `sender` is a number in E.164 format or what
    the provider takes instead. `settings` are the provider's, such as base_url, and hold no secrets.
    """

    id: UUID
    workspace_id: str
    name: str
    channel: Channel
    provider: str
    sender: str
    settings: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


class Channels:
    """Reads are remembered for a few seconds. Credentials need a vault with PROACTIVE_CHANNEL_KEYS."""

    def __init__(self, database: Database, vault: Vault | None) -> None:
        self._database = database
        self._vault = vault
        self._recent: Recent[UUID, ConnectedChannel | None] = Recent()
        self._recent_of_workspace: Recent[str, tuple[ConnectedChannel, ...]] = Recent()
        self._recent_credentials: Recent[UUID, Mapping[str, str] | None] = Recent()

    async def get(self, channel_id: UUID) -> ConnectedChannel | None:
        """The channel, disabled ones included, or None where it is not connected."""
        return await self._recent.get(channel_id, self._load)

    async def of_workspace(self, workspace_id: str) -> list[ConnectedChannel]:
        """The workspace's channels by name, disabled ones included."""
        return list(await self._recent_of_workspace.get(workspace_id, self._load_of_workspace))

    async def list(self) -> list[ConnectedChannel]:
        """Every connected channel, by workspace and name."""
        rows = await self._database.fetch(_SELECT + " ORDER BY workspace_id, name")
        return [_channel(row) for row in rows]

    async def credentials(self, channel_id: UUID) -> Mapping[str, str]:
        """
        What the provider wants to see, by the provider's own names.

        Raises:
            UnknownChannel: it is not connected.
            SecretError: the credentials cannot be opened with this process's keys.
        """
        opened = await self._recent_credentials.get(channel_id, self._open)
        if opened is None:
            raise UnknownChannel(f"channel {channel_id} is not connected")
        return opened

    async def credentials_are_current(self, channel_id: UUID) -> bool:
        """Whether the newest key sealed the channel's credentials."""
        sealed = await self._load_sealed(channel_id)
        return sealed is not None and self._needed_vault().is_current(sealed)

    async def reseal(self, channel_id: UUID) -> bool:
        """
        Seal the channel's credentials with the newest key; False where that is done, or somebody does it meanwhile.

        Raises:
            SecretError: none of the keys opens them.
        """
        sealed = await self._load_sealed(channel_id)
        if sealed is None or self._needed_vault().is_current(sealed):
            return False
        row = await self._database.fetchrow(
            "UPDATE directory.channel SET sealed_credentials = $3 WHERE id = $1 AND sealed_credentials = $2 "
            "RETURNING id",
            channel_id,
            sealed,
            self._needed_vault().reseal(sealed, bound_to=_binding(channel_id)),
        )
        return row is not None

    async def put(self, channel: ConnectedChannel, credentials: Mapping[str, str]) -> None:
        """
        Connect a channel, or replace what is known of it.

        Raises:
            UnknownWorkspace: its workspace is not connected.
            ChannelTaken: another workspace has connected a channel under this id.
            NameTaken: the workspace has another channel of this name.
        """
        sealed = self._needed_vault().seal(json.dumps(dict(credentials)), bound_to=_binding(channel.id))
        try:
            written = await self._upsert(channel, sealed)
        except asyncpg.ForeignKeyViolationError:
            raise UnknownWorkspace(f"workspace {channel.workspace_id} is not connected") from None
        except asyncpg.UniqueViolationError:
            raise NameTaken(
                f"workspace {channel.workspace_id} has another channel named {channel.name!r}; "
                "choose another name, or give that channel's id to change it"
            ) from None
        self._forget()
        if not written:
            raise ChannelTaken(
                f"channel {channel.id} belongs to another workspace; leave the id out to have a new one made"
            )

    async def refuse_twin(self, channel: ConnectedChannel) -> None:
        """
        See that the provider's callbacks can tell the channel from every other one that is enabled.

        Raises:
            NumberTaken: they cannot, so that each reply and receipt would count for both.
        """
        needs = PROVIDERS.get(channel.provider)
        setting = needs.told_apart_by if needs else None
        if setting is None or not channel.settings.get(setting):
            return
        for other in await self.list():
            same = other.provider == channel.provider and other.settings.get(setting) == channel.settings[setting]
            if same and other.enabled and other.id != channel.id:
                raise NumberTaken(
                    f"{channel.provider}'s {setting} {channel.settings[setting]} is that of another channel, "
                    f"{other.name!r} ({other.id}) of workspace {other.workspace_id}: what {channel.provider} reports "
                    f"would count for both; give that channel's id to change it, or run first: "
                    f"proactivectl channel disable {other.id}"
                )

    async def enable(self, channel_id: UUID) -> None:
        """Let messages go through the channel again. Raises UnknownChannel."""
        await self._switch(channel_id, on=True)

    async def disable(self, channel_id: UUID) -> None:
        """Let no new message go through the channel; its history stays. Raises UnknownChannel."""
        await self._switch(channel_id, on=False)

    async def _upsert(self, channel: ConnectedChannel, sealed: str) -> bool:
        row = await self._database.fetchrow(
            """
            INSERT INTO directory.channel AS known
                (id, workspace_id, name, channel, provider, sender, settings, enabled, sealed_credentials)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (id) DO UPDATE SET
                name = excluded.name, channel = excluded.channel, provider = excluded.provider,
                sender = excluded.sender, settings = excluded.settings, enabled = excluded.enabled,
                sealed_credentials = excluded.sealed_credentials, updated_at = now()
                WHERE known.workspace_id = excluded.workspace_id
            RETURNING id
            """,
            channel.id,
            channel.workspace_id,
            channel.name,
            channel.channel.value,
            channel.provider,
            channel.sender,
            dict(channel.settings),
            channel.enabled,
            sealed,
        )
        return row is not None

    async def _switch(self, channel_id: UUID, *, on: bool) -> None:
        row = await self._database.fetchrow(
            "UPDATE directory.channel SET enabled = $2, updated_at = now() WHERE id = $1 RETURNING id",
            channel_id,
            on,
        )
        self._forget()
        if row is None:
            raise UnknownChannel(f"channel {channel_id} is not connected")

    async def _load(self, channel_id: UUID) -> ConnectedChannel | None:
        row = await self._database.fetchrow(_SELECT + " WHERE id = $1", channel_id)
        return None if row is None else _channel(row)

    async def _load_of_workspace(self, workspace_id: str) -> tuple[ConnectedChannel, ...]:
        rows = await self._database.fetch(_SELECT + " WHERE workspace_id = $1 ORDER BY name", workspace_id)
        return tuple(_channel(row) for row in rows)

    async def _open(self, channel_id: UUID) -> Mapping[str, str] | None:
        sealed = await self._load_sealed(channel_id)
        if sealed is None:
            return None
        opened = json.loads(self._needed_vault().open(sealed, bound_to=_binding(channel_id)))
        return {str(name): str(secret) for name, secret in opened.items()}

    async def _load_sealed(self, channel_id: UUID) -> str | None:
        sealed: str | None = await self._database.fetchval(
            "SELECT sealed_credentials FROM directory.channel WHERE id = $1", channel_id
        )
        return sealed

    def _forget(self) -> None:
        self._recent.forget()
        self._recent_of_workspace.forget()
        self._recent_credentials.forget()

    def _needed_vault(self) -> Vault:
        if self._vault is None:
            raise NoVault("channel credentials need PROACTIVE_CHANNEL_KEYS, and this process was given none")
        return self._vault


_SELECT = "SELECT id, workspace_id, name, channel, provider, sender, settings, enabled FROM directory.channel"


def _channel(row: Record) -> ConnectedChannel:
    return ConnectedChannel(**{**dict(row), "channel": Channel(row["channel"])})


def _binding(channel_id: UUID) -> str:
    return f"channel {channel_id}"
