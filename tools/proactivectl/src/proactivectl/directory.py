"""`workspace …`, `channel …` and `apply`: who is connected."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from directory import Channels, ConnectedChannel, Workspaces
from proactive_contracts.values import Channel
from proactivectl import connecting
from proactivectl.arguments import checked, pairs, reference, resolved
from proactivectl.connecting import Change, Directory
from proactivectl.declared import Declared, DeclaredChannel, DeclaredWorkspace
from proactivectl.environment import channel_vault, database, workspace_vault
from proactivectl.failures import Failure
from proactivectl.files import Secrets, load
from proactivectl.output import AsJson, say, show, table

workspaces = typer.Typer(no_args_is_help=True, help="Intercom workspaces: add, list.")
channels = typer.Typer(
    no_args_is_help=True,
    help="Channels that messages leave through: connect, disable, enable, list; state, pause, resume, limit.",
)

REFERENCE_HELP = "env:NAME or file:PATH; a secret itself is refused."


@workspaces.command("add")
def add_workspace(
    id: Annotated[str, typer.Argument(help="Intercom's id of the workspace (Settings, or GET /me: app.id_code).")],  # noqa: A002
    name: Annotated[str, typer.Option(help="What people call it.")],
    token: Annotated[str, typer.Option(help=f"Where its Intercom access token is: {REFERENCE_HELP}")],
    region: Annotated[
        str | None, typer.Option(help="Where Intercom keeps its data: us, eu or au. A new one: us.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="For the times that agents read, such as Europe/Athens. A new one: UTC.")
    ] = None,
    default_admin_id: Annotated[
        str | None, typer.Option(help="The teammate in whose name we write notes that nobody asked for.")
    ] = None,
    open_new_read: Annotated[
        bool | None,
        typer.Option(
            "--open-new-read/--open-new-unread",
            help="Whether a conversation that a message opened is marked as read. A new one: it is.",
        ),
    ] = None,
    open_new_assign: Annotated[
        bool | None,
        typer.Option(
            "--open-new-assign/--open-new-unassigned",
            help="Whether it is assigned to the teammate who sent the message. A new one: it is not.",
        ),
    ] = None,
    keep_text_days: Annotated[
        int | None, typer.Option(help="How long texts of messages and replies are kept. A new one: 30.")
    ] = None,
    keep_rest_months: Annotated[
        int | None, typer.Option(help="How long numbers and what became of messages are kept. A new one: 13.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Connect an Intercom workspace, or change it where it is connected already: what is not named stays."""
    wanted = {
        "region": region,
        "time_zone": time_zone,
        "default_admin_id": default_admin_id,
        "open_new_read": open_new_read,
        "open_new_assign": open_new_assign,
        "keep_text_days": keep_text_days,
        "keep_rest_months": keep_rest_months,
    }
    named = {option: value for option, value in wanted.items() if value is not None}
    given = checked(DeclaredWorkspace, named | {"id": id, "name": name, "token": reference("--token", token)})
    change = asyncio.run(_apply_one(given))
    show(change.document(), lambda: say(_in_words(change)))


@workspaces.command("list")
def list_workspaces(as_json: AsJson = False) -> None:
    """List the connected workspaces."""
    found = asyncio.run(_workspaces())
    rows = [(w["id"], w["name"], w["region"], w["time_zone"], w["default_admin_id"], w["channels"]) for w in found]
    columns = ("ID", "NAME", "REGION", "TIME ZONE", "DEFAULT ADMIN", "CHANNELS")
    empty = "No workspace is connected. Connect one with: proactivectl workspace add"
    show({"workspaces": found}, lambda: table(columns, rows, empty))


@channels.command("connect")
def connect_channel(
    workspace: Annotated[str, typer.Option(help="The workspace's id.")],
    name: Annotated[str, typer.Option(help="What agents choose it by, unique within the workspace.")],
    channel: Annotated[Channel, typer.Option(help="The kind of channel.")],
    provider: Annotated[str, typer.Option(help="Who delivers, such as twilio.")],
    sender: Annotated[str, typer.Option(help="The number in E.164 format, or what the provider takes instead.")],
    credential: Annotated[
        list[str], typer.Option(metavar="NAME=REFERENCE", help=f"Repeatable. The reference is {REFERENCE_HELP}")
    ],
    setting: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Repeatable, such as base_url=https://…")
    ] = None,
    id: Annotated[UUID | None, typer.Option(help="To change that channel, or to choose a new one's id.")] = None,  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Connect a channel, or change and enable the one of that id or name."""
    references = {
        key: reference(f"--credential {key}", value) for key, value in pairs("--credential", credential).items()
    }
    wanted = {
        "name": name,
        "id": id,
        "channel": channel,
        "provider": provider,
        "sender": sender,
        "settings": pairs("--setting", setting or []),
        "credentials": references,
        "enabled": True,
    }
    change = asyncio.run(_connect(workspace, checked(DeclaredChannel, wanted)))
    show(change.document(), lambda: say(_in_words(change)))


@channels.command("disable")
def disable_channel(
    id: Annotated[UUID, typer.Argument(help="The channel's id; see: proactivectl channel list")],  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Let no new message go through a channel; its history stays."""
    asyncio.run(_switch(id, on=False))
    words = f"Channel {id} is disabled. Enable it again with: proactivectl channel enable {id}"
    show({"id": id, "enabled": False}, lambda: say(words))


@channels.command("enable")
def enable_channel(
    id: Annotated[UUID, typer.Argument(help="The channel's id; see: proactivectl channel list")],  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Let messages go through a disabled channel again."""
    asyncio.run(_switch(id, on=True))
    show({"id": id, "enabled": True}, lambda: say(f"Channel {id} is enabled."))


@channels.command("list")
def list_channels(
    workspace: Annotated[str | None, typer.Option(help="Only those of this workspace.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the connected channels, without their credentials."""
    found = asyncio.run(_channels(workspace))
    rows = [
        (c.workspace_id, c.name, c.channel.value, c.provider, c.sender, "yes" if c.enabled else "no", c.id)
        for c in found
    ]
    columns = ("WORKSPACE", "NAME", "CHANNEL", "PROVIDER", "SENDER", "ENABLED", "ID")
    empty = "No channel is connected. Connect one with: proactivectl channel connect"
    show({"channels": [asdict(c) for c in found]}, lambda: table(columns, rows, empty))


def apply(
    file: Annotated[Path, typer.Option("--file", "-f", help="The file, or - for standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Connect or change the workspaces and channels that a YAML file declares; secrets by reference."""
    wanted, secrets = load(file, Declared)
    changes, left = asyncio.run(_apply(wanted, secrets, dry_run=dry_run))
    document = {"dry_run": dry_run, "changes": [change.document() for change in changes], "not_declared": left}
    show(document, lambda: _tell(changes, left, dry_run=dry_run))


async def _apply(wanted: Declared, secrets: Secrets, *, dry_run: bool) -> tuple[list[Change], list[str]]:
    vaults = workspace_vault(), channel_vault()
    async with database() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            directory = Directory.on(connection, *vaults)
            changes = await connecting.apply(directory, wanted, secrets)
            left = await connecting.undeclared(directory, changes)
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.rollback() if dry_run else transaction.commit())
    return changes, left


async def _apply_one(given: DeclaredWorkspace) -> Change:
    vault, token = workspace_vault(), resolved("--token", given.token)
    async with database() as connection:
        directory = Directory.on(connection, vault, None)
        return await connecting.put_workspace(directory, given, token)


async def _connect(workspace_id: str, given: DeclaredChannel) -> Change:
    vault = channel_vault()
    credentials = {name: resolved(f"--credential {name}", reference) for name, reference in given.credentials.items()}
    async with database() as connection:
        directory = Directory.on(connection, None, vault)
        if await directory.workspaces.get(workspace_id) is None:
            raise _unknown_workspace(workspace_id)
        wanted = await connecting.declared_channel(directory, workspace_id, given)
        return await connecting.put_channel(directory, wanted, credentials)


async def _switch(channel_id: UUID, *, on: bool) -> None:
    async with database() as connection:
        channels = Channels(connection, None)
        channel = await channels.get(channel_id)
        if channel is None:
            raise Failure(f"channel {channel_id} is not connected", "See: proactivectl channel list")
        if on:
            await channels.refuse_twin(channel)
        await (channels.enable(channel_id) if on else channels.disable(channel_id))


async def _workspaces() -> list[dict[str, Any]]:
    async with database() as connection:
        all_channels = await Channels(connection, None).list()
        return [
            asdict(w) | {"channels": sum(channel.workspace_id == w.id for channel in all_channels)}
            for w in await Workspaces(connection, None).list()
        ]


async def _channels(workspace_id: str | None) -> list[ConnectedChannel]:
    async with database() as connection:
        channels = Channels(connection, None)
        if workspace_id is None:
            return await channels.list()
        if await Workspaces(connection, None).get(workspace_id) is None:
            raise _unknown_workspace(workspace_id)
        return await channels.of_workspace(workspace_id)


def _unknown_workspace(workspace_id: str) -> Failure:
    return Failure(f"workspace {workspace_id} is not connected", "See: proactivectl workspace list")


def _tell(changes: Sequence[Change], left: Sequence[str], *, dry_run: bool) -> None:
    for change in changes:
        say(_in_words(change))
    counts = {
        action: sum(change.action == action for change in changes) for action in ("added", "updated", "unchanged")
    }
    say(
        ", ".join(f"{count} {action}" for action, count in counts.items())
        + (" (dry run: nothing was written)" if dry_run else "")
    )
    if left:
        say(f"Not in the file, left as they are: {', '.join(left)}")


def _in_words(change: Change) -> str:
    what = f"channel {change.name} ({change.id})" if change.kind == "channel" else f"workspace {change.id}"
    return f"{what}: {change.action}" + (f" ({', '.join(change.fields)})" if change.fields else "")
