"""Makes the directory what it shall be, and tells what that changed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from uuid import UUID

from directory import Channels, ConnectedChannel, Vault, Workspace, Workspaces
from directory.database import Database
from directory.errors import SecretError
from proactivectl.declared import Declared, DeclaredChannel, DeclaredWorkspace
from proactivectl.files import Secrets
from runtime import clock

New = Callable[[], UUID]


@dataclass(frozen=True)
class Change:
    """What became of one workspace or channel: added, updated (in which fields) or unchanged."""

    kind: str
    id: str
    workspace_id: str
    name: str
    action: str
    fields: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


@dataclass(frozen=True)
class Directory:
    """The two repositories, on one connection."""

    workspaces: Workspaces
    channels: Channels

    @classmethod
    def on(cls, database: Database, workspace_vault: Vault | None, channel_vault: Vault | None) -> "Directory":
        """Read and written with these vaults; without one, its secrets stay closed."""
        return cls(Workspaces(database, workspace_vault), Channels(database, channel_vault))


async def apply(directory: Directory, declared: Declared, secrets: Secrets) -> list[Change]:
    """Connect or change everything that is declared; what is not declared stays as it is."""
    changes: list[Change] = []
    for workspace in declared.workspaces:
        changes.append(await put_workspace(directory, workspace, secrets[workspace.token]))
        for channel in workspace.channels:
            credentials = {name: secrets[reference] for name, reference in channel.credentials.items()}
            wanted = await declared_channel(directory, workspace.id, channel)
            changes.append(await put_channel(directory, wanted, credentials))
    return changes


async def undeclared(directory: Directory, changes: list[Change]) -> list[str]:
    """What is connected and was not declared, in words."""
    declared = {(change.kind, change.id) for change in changes}
    workspaces = [w for w in await directory.workspaces.list() if ("workspace", w.id) not in declared]
    channels = [c for c in await directory.channels.list() if ("channel", str(c.id)) not in declared]
    return [f"workspace {w.id}" for w in workspaces] + [f"channel {c.id} ({c.name})" for c in channels]


async def put_workspace(directory: Directory, declared: DeclaredWorkspace, token: str) -> Change:
    """Connect a workspace or change it, unless it is so already and its token sealed with the newest key."""
    known = await directory.workspaces.get(declared.id)
    wanted = workspace_of(declared, known)
    different = _different(known, wanted)
    if known is not None and not await _token_is(directory.workspaces, wanted.id, token):
        different.append("token")
    if different or known is None:
        await directory.workspaces.put(wanted, token)
    return Change("workspace", wanted.id, wanted.id, wanted.name, _action(known, different), tuple(different))


async def put_channel(directory: Directory, wanted: ConnectedChannel, credentials: Mapping[str, str]) -> Change:
    """Connect a channel or change it, unless it is so already and its credentials sealed with the newest key."""
    if wanted.enabled:
        await directory.channels.refuse_twin(wanted)
    known = await directory.channels.get(wanted.id)
    different = _different(known, wanted)
    if known is not None and not await _credentials_are(directory.channels, wanted.id, credentials):
        different.append("credentials")
    if different or known is None:
        await directory.channels.put(wanted, credentials)
    action = _action(known, different)
    return Change("channel", str(wanted.id), wanted.workspace_id, wanted.name, action, tuple(different))


async def declared_channel(
    directory: Directory, workspace_id: str, declared: DeclaredChannel, new_id: New = clock.new_id
) -> ConnectedChannel:
    """The channel as it shall be: found by id, else by name; made anew where there is none."""
    known = await _known(directory.channels, workspace_id, declared)
    enabled = declared.enabled if declared.enabled is not None else known.enabled if known else True
    return ConnectedChannel(
        id=declared.id or (known.id if known else new_id()),
        workspace_id=workspace_id,
        name=declared.name,
        channel=declared.channel,
        provider=declared.provider,
        sender=declared.sender,
        settings=declared.settings,
        enabled=enabled,
    )


async def _known(channels: Channels, workspace_id: str, declared: DeclaredChannel) -> ConnectedChannel | None:
    if declared.id is not None:
        return await channels.get(declared.id)
    here = await channels.of_workspace(workspace_id)
    return next((channel for channel in here if channel.name == declared.name), None)


def workspace_of(declared: DeclaredWorkspace, known: Workspace | None) -> Workspace:
    """The workspace as it shall be; of one that is known, what is not declared stays."""
    not_kept = {"token", "channels"}
    if known is None:
        return Workspace(**declared.model_dump(exclude=not_kept))
    return replace(known, **declared.model_dump(exclude=not_kept, exclude_unset=True))


async def _token_is(workspaces: Workspaces, workspace_id: str, token: str) -> bool:
    try:
        return await workspaces.token(workspace_id) == token and await workspaces.token_is_current(workspace_id)
    except SecretError:
        return False


async def _credentials_are(channels: Channels, channel_id: UUID, credentials: Mapping[str, str]) -> bool:
    try:
        same = await channels.credentials(channel_id) == dict(credentials)
        return same and await channels.credentials_are_current(channel_id)
    except SecretError:
        return False


def _different(known: Workspace | ConnectedChannel | None, wanted: Workspace | ConnectedChannel) -> list[str]:
    if known is None:
        return []
    return [field.name for field in fields(wanted) if getattr(known, field.name) != getattr(wanted, field.name)]


def _action(known: object | None, different: list[str]) -> str:
    if known is None:
        return "added"
    return "updated" if different else "unchanged"
