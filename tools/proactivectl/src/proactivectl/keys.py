"""`keys …`: new keys for what is sealed in the database, without a pause."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import typer
from cryptography.fernet import Fernet

from directory import Channels, SecretMismatch, SecretUnreadable, Workspaces
from proactivectl.auditing import audited
from proactivectl.environment import channel_vault, database, workspace_vault
from proactivectl.failures import Failure
from proactivectl.output import AsJson, count, say, show, table

keys = typer.Typer(
    no_args_is_help=True,
    help="The keys that seal tokens and credentials: list, rotate, new.\n\n"
    "To replace a key: put a new one first in PROACTIVE_WORKSPACE_KEYS or PROACTIVE_CHANNEL_KEYS of every process and "
    "restart them one by one; `keys rotate`; once `keys list` shows nothing under an older key, take that away.",
)


@dataclass(frozen=True)
class Sealed:
    """One secret in the database."""

    kind: str
    id: str
    title: str
    is_current: Callable[[], Awaitable[bool]]
    reseal: Callable[[], Awaitable[bool]]
    open: Callable[[], Awaitable[object]]


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Say of every secret whether the newest key seals it; exit code 1 where one cannot be opened."""
    found = asyncio.run(states())
    documents = [{"kind": one.kind, "id": one.id, "name": one.title, "key": state} for one, state in found]
    rows = [(d["kind"], d["id"], d["name"], d["key"]) for d in documents]
    columns = ("SECRET OF", "ID", "NAME", "KEY")
    show({"secrets": documents}, lambda: table(columns, rows, "No workspace is connected: nothing is sealed."))
    if any(state == UNREADABLE for _, state in found):
        raise typer.Exit(1)


UNREADABLE, OLDER = "none of those that were given", "older"


@keys.command("rotate")
def rotate_keys(as_json: AsJson = False) -> None:
    """Seal every secret with the newest key. What an older key sealed is opened with it, so that both must be given."""
    done, there = asyncio.run(_rotate())
    show({"resealed": done, "secrets": there}, lambda: _tell_rotated(done, there))


@keys.command("new")
def new_key(as_json: AsJson = False) -> None:
    """Print a new key, for PROACTIVE_WORKSPACE_KEYS or PROACTIVE_CHANNEL_KEYS."""
    key = Fernet.generate_key().decode()
    show({"key": key}, lambda: print(key))


async def states() -> list[tuple[Sealed, str]]:
    """
    Every secret, and which key opens it: the newest, an OLDER one, or UNREADABLE.

    Raises:
        Failure: the database does not answer, or keys are missing or of another form.
    """
    async with _secrets() as secrets:
        return [(one, await _state(one)) async for one in secrets]


async def _state(one: Sealed) -> str:
    try:
        await one.open()
    except (SecretUnreadable, SecretMismatch):
        return UNREADABLE
    return "newest" if await one.is_current() else OLDER


async def _rotate() -> tuple[int, int]:
    """Those that it can, before it says which it cannot."""
    done, there, lost = 0, 0, []
    async with audited("keys.rotate", "directory", {}) as outcome, _secrets() as secrets:
        async for one in secrets:
            there += 1
            try:
                done += await one.reseal()
            except (SecretUnreadable, SecretMismatch):
                lost.append(f"{one.kind} {one.id} ({one.title})")
        outcome.words = f"{done} of {there} sealed anew, {len(lost)} cannot be opened"
    if lost:
        what = f"{count(len(lost), 'secret')} cannot be opened with the keys that were given; {done} were sealed anew"
        raise Failure(what, "Add the key that sealed them, or connect them again:", lost)
    return done, there


@asynccontextmanager
async def _secrets() -> AsyncIterator[AsyncIterator[Sealed]]:
    tokens, credentials = workspace_vault(), channel_vault()
    async with database() as connection:
        yield _all(Workspaces(connection, tokens), Channels(connection, credentials))


async def _all(workspaces: Workspaces, channels: Channels) -> AsyncIterator[Sealed]:
    for workspace in await workspaces.list():
        yield Sealed(
            "workspace",
            workspace.id,
            workspace.name,
            partial(workspaces.token_is_current, workspace.id),
            partial(workspaces.reseal, workspace.id),
            partial(workspaces.token, workspace.id),
        )
    for channel in await channels.list():
        yield Sealed(
            "channel",
            str(channel.id),
            channel.name,
            partial(channels.credentials_are_current, channel.id),
            partial(channels.reseal, channel.id),
            partial(channels.credentials, channel.id),
        )


def _tell_rotated(done: int, there: int) -> None:
    say(f"{done} of {count(there, 'secret')} sealed anew." if done else "The newest key seals everything already.")
    say("Older keys may go once every process was restarted with the newest first. Erasures that were noted under one")
    say("count as long as it stays: keep it for 37 days where somebody was erased (proactivectl audit list).")
