"""The directory on a real PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from directory import (
    SOURCE,
    Channels,
    ChannelTaken,
    ConnectedChannel,
    Listeners,
    NameTaken,
    NoVault,
    SecretMismatch,
    UnknownChannel,
    UnknownWorkspace,
    Vault,
    Workspace,
    Workspaces,
)
from proactive_contracts.values import Channel
from runtime import postgres
from runtime.migrations import migrate

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.close()
    async with postgres.pool(database_url, application="test", size=2) as connections:
        yield connections


@pytest.fixture
def vault() -> Vault:
    return Vault([SecretStr(Fernet.generate_key().decode())])


def make_workspace() -> Workspace:
    return Workspace(id=f"w{uuid4().hex[:12]}", name="Sandbox", time_zone="Europe/Athens", default_admin_id="1")


def make_channel(workspace: Workspace) -> ConnectedChannel:
    return ConnectedChannel(
        id=uuid4(),
        workspace_id=workspace.id,
        name="Support line",
        channel=Channel.SMS,
        provider="twilio",
        sender="+4915700000001",
        settings={"base_url": "http://127.0.0.1:1/twilio"},
    )


async def connect(pool: Pool, vault: Vault) -> ConnectedChannel:
    workspace = make_workspace()
    await Workspaces(pool, vault).put(workspace, "token")
    channel = make_channel(workspace)
    await Channels(pool, vault).put(channel, {"auth_token": "s3cret"})
    return channel


async def test_workspace_is_read_as_it_was_put(pool: Pool, vault: Vault) -> None:
    workspace = make_workspace()
    await Workspaces(pool, vault).put(workspace, "token")

    seen = Workspaces(pool, vault)
    assert await seen.get(workspace.id) == workspace
    assert await seen.token(workspace.id) == "token"
    assert workspace in await seen.list()


async def test_workspace_is_changed_by_putting_it_again(pool: Pool, vault: Vault) -> None:
    workspaces, workspace = Workspaces(pool, vault), make_workspace()
    await workspaces.put(workspace, "token")
    assert await workspaces.get(workspace.id) == workspace

    changed = replace(workspace, name="Renamed", region="eu", default_admin_id=None, open_new_assign=True)
    await workspaces.put(changed, "another")

    assert await workspaces.get(workspace.id) == changed
    assert await workspaces.token(workspace.id) == "another"


async def test_unknown_workspace_is_none_and_has_no_token(pool: Pool, vault: Vault) -> None:
    workspaces = Workspaces(pool, vault)

    assert await workspaces.get("nobody") is None
    with pytest.raises(UnknownWorkspace, match="nobody"):
        await workspaces.token("nobody")


async def test_without_a_vault_everything_but_secrets_is_read(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)
    workspaces, channels = Workspaces(pool, None), Channels(pool, None)

    assert await workspaces.get(channel.workspace_id) is not None
    assert await channels.get(channel.id) == channel
    with pytest.raises(NoVault, match="PROACTIVE_WORKSPACE_KEYS"):
        await workspaces.token(channel.workspace_id)
    with pytest.raises(NoVault, match="PROACTIVE_CHANNEL_KEYS"):
        await channels.credentials(channel.id)


async def test_channel_is_read_as_it_was_put(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)
    channels = Channels(pool, vault)

    assert await channels.get(channel.id) == channel
    assert await channels.of_workspace(channel.workspace_id) == [channel]
    assert channel in await channels.list()
    assert await channels.credentials(channel.id) == {"auth_token": "s3cret"}


async def test_unknown_channel_is_none_and_has_no_credentials(pool: Pool, vault: Vault) -> None:
    channels, unknown = Channels(pool, vault), UUID(int=7)

    assert await channels.get(unknown) is None
    assert await channels.of_workspace("nobody") == []
    with pytest.raises(UnknownChannel):
        await channels.credentials(unknown)
    with pytest.raises(UnknownChannel):
        await channels.disable(unknown)


async def test_channel_of_an_unknown_workspace_is_refused(pool: Pool, vault: Vault) -> None:
    with pytest.raises(UnknownWorkspace):
        await Channels(pool, vault).put(make_channel(make_workspace()), {})


async def test_channel_id_of_another_workspace_is_refused(pool: Pool, vault: Vault) -> None:
    channel, another = await connect(pool, vault), await connect(pool, vault)
    channels = Channels(pool, vault)

    stolen = replace(channel, workspace_id=another.workspace_id, name="Another line")
    with pytest.raises(ChannelTaken, match=str(channel.id)):
        await channels.put(stolen, {"auth_token": "mine"})

    assert await channels.get(channel.id) == channel
    assert await channels.credentials(channel.id) == {"auth_token": "s3cret"}


async def test_second_channel_of_the_same_name_is_refused(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)

    with pytest.raises(NameTaken, match="Support line"):
        await Channels(pool, vault).put(replace(channel, id=uuid4()), {})


async def test_disabled_channel_is_seen_as_such_at_once_where_it_was_disabled(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)
    channels = Channels(pool, None)
    await channels.of_workspace(channel.workspace_id)

    await channels.disable(channel.id)

    assert await channels.get(channel.id) == replace(channel, enabled=False)
    assert await channels.of_workspace(channel.workspace_id) == [replace(channel, enabled=False)]
    await channels.enable(channel.id)
    assert await channels.get(channel.id) == channel


async def test_credentials_copied_from_another_row_do_not_open(pool: Pool, vault: Vault) -> None:
    victim, thief = await connect(pool, vault), await connect(pool, vault)
    await pool.execute(
        "UPDATE directory.channel SET sealed_credentials = "
        "(SELECT sealed_credentials FROM directory.channel WHERE id = $1) WHERE id = $2",
        victim.id,
        thief.id,
    )

    with pytest.raises(SecretMismatch, match=str(thief.id)):
        await Channels(pool, vault).credentials(thief.id)


async def test_secrets_are_not_in_the_database_as_text(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)
    row = await pool.fetchval("SELECT channel::text FROM directory.channel WHERE id = $1", channel.id)

    assert "s3cret" not in row


async def test_secrets_of_an_older_key_are_told_apart(pool: Pool, vault: Vault) -> None:
    channel = await connect(pool, vault)
    other_keys = Vault([SecretStr(Fernet.generate_key().decode())])

    assert await Channels(pool, vault).credentials_are_current(channel.id)
    assert not await Channels(pool, other_keys).credentials_are_current(channel.id)
    assert await Workspaces(pool, vault).token_is_current(channel.workspace_id)
    assert not await Workspaces(pool, other_keys).token_is_current(channel.workspace_id)


async def test_what_a_transaction_rolls_back_was_never_connected(pool: Pool, vault: Vault) -> None:
    workspace = make_workspace()
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await Workspaces(connection, vault).put(workspace, "token")
        await transaction.rollback()

    assert await Workspaces(pool, vault).get(workspace.id) is None


async def test_listener_is_noted_once_and_removed_once(pool: Pool) -> None:
    listeners, name = Listeners(pool), f"crm-{uuid4().hex[:8]}"

    assert await listeners.add(name, None)
    assert not await listeners.add(name, None)
    listener = await listeners.get(name)
    assert listener is not None
    assert listener.workspace_id is None
    assert listener in await listeners.list()
    assert await listeners.remove(name)
    assert not await listeners.remove(name)
    assert await listeners.get(name) is None
