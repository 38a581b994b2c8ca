"""`listener …`: durable queues of status events for other services."""

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated, Any

import aiormq
import typer
from aio_pika.abc import AbstractConnection

from directory import Listener, Listeners, Workspaces
from proactive_contracts.topology import EVENTS, listener, listener_queue, status_key
from proactivectl.environment import amqp_url, broker_failures, database
from proactivectl.failures import Failure, WrongUsage
from proactivectl.output import AsJson, count, say, show, table
from runtime.amqp import topology as broker
from runtime.amqp.connection import connect

listeners = typer.Typer(no_args_is_help=True, help="Other services' queues of status events: add, list, remove.")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Name = Annotated[str, typer.Argument(help="Lowercase letters, digits, - and _; the queue is named listener.<name>.")]


@dataclass(frozen=True)
class Load:
    """What is in a queue, as the broker last counted it, and who reads it."""

    waiting: int
    readers: int


@listeners.command("add")
def add_listener(
    name: Name,
    workspace: Annotated[str | None, typer.Option(help="Only this workspace's events; without it, all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a durable queue that gets every MessageStatusChanged from now on."""
    if not _NAME.fullmatch(name):
        raise WrongUsage(f"{name!r} is no name of a listener", "Use lowercase letters, digits, - and _, at most 64.")
    added = asyncio.run(_add(name, workspace))
    queue = listener_queue(name)
    document = {"name": name, "workspace_id": workspace, "queue": queue, "added": added}
    said = "is there now" if added else "was there already"
    show(document, lambda: say(f"Queue {queue} {said}: read it for {_scope(workspace)}."))


@listeners.command("list")
def list_listeners(as_json: AsJson = False) -> None:
    """List the listeners, and what waits in their queues."""
    found = asyncio.run(_list())
    documents = [_document(known, load) for known, load in found]
    rows = [
        (d["name"], d["workspace_id"] or "all", d["queue"], *_load_in_words(load))
        for d, (_, load) in zip(documents, found, strict=True)
    ]
    empty = "No listener. Add one with: proactivectl listener add NAME"
    columns = ("NAME", "WORKSPACE", "QUEUE", "WAITING", "READERS")
    show({"listeners": documents}, lambda: table(columns, rows, empty))


@listeners.command("remove")
def remove_listener(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also when events wait in it or somebody reads it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a listener's queue and forget the listener."""
    lost = asyncio.run(_remove(name, force=force))
    document = {"name": name, "queue": listener_queue(name), "deleted_events": lost}
    show(document, lambda: say(f"Queue {listener_queue(name)} was deleted, and {count(lost, 'event')} with it."))


async def _add(name: str, workspace_id: str | None) -> bool:
    url = amqp_url()
    async with database() as connection:
        if workspace_id is not None and await Workspaces(connection, None).get(workspace_id) is None:
            raise Failure(f"workspace {workspace_id} is not connected", "See: proactivectl workspace list")
        added = await Listeners(connection).add(name, workspace_id)
        known = await Listeners(connection).get(name)
    if known is not None and known.workspace_id != workspace_id:
        raise Failure(
            f"listener {name} is there already and gets {_scope(known.workspace_id)}",
            "Choose another name, or remove it first.",
        )
    await _declare(url, name, workspace_id)
    return added


async def _declare(url: str, name: str, workspace_id: str | None) -> None:
    """The listener is noted by now, so that `topology apply` makes its queue where this fails."""
    try:
        with broker_failures(url):
            await broker.apply(url, listener(name, workspace_id))
    except Failure as failure:
        raise Failure(
            f"listener {name} is noted, but has no queue yet: {failure.what}",
            f"{failure.advice} Then run: proactivectl topology apply",
        ) from None


async def _list() -> list[tuple[Listener, Load | None]]:
    url = amqp_url()
    async with database() as connection:
        known = await Listeners(connection).list()
    with broker_failures(url):
        link = await connect(url, "proactivectl")
        try:
            return [(entry, await _load(link, listener_queue(entry.name))) for entry in known]
        finally:
            await link.close()


async def _remove(name: str, *, force: bool) -> int:
    """The queue goes first: a listener without a queue can be removed again, a queue without one would fill up."""
    url, queue = amqp_url(), listener_queue(name)
    async with database() as connection:
        if await Listeners(connection).get(name) is None:
            raise Failure(f"there is no listener {name}", "See: proactivectl listener list")
        with broker_failures(url):
            link = await connect(url, "proactivectl")
            try:
                load = await _load(link, queue)
                if load is not None and (load.waiting or load.readers) and not force:
                    raise _in_use(queue, load)
                await (await link.channel()).queue_delete(queue)
            finally:
                await link.close()
        await Listeners(connection).remove(name)
    return load.waiting if load else 0


def _in_use(queue: str, load: Load) -> Failure:
    holds, read_by = count(load.waiting, "event"), count(load.readers, "reader")
    what = f"queue {queue} holds {holds} and has {read_by}, so it was kept"
    return Failure(what, "Stop its readers and empty it, or delete it with what is in it: --force")


async def _load(connection: AbstractConnection, queue: str) -> Load | None:
    """None where there is no such queue."""
    channel = await connection.channel()
    try:
        found = await channel.declare_queue(queue, passive=True)
    except aiormq.exceptions.ChannelNotFoundEntity:
        return None
    counted = found.declaration_result
    await channel.close()
    return Load(counted.message_count or 0, counted.consumer_count or 0)


def _document(known: Listener, load: Load | None) -> dict[str, Any]:
    return {
        "name": known.name,
        "workspace_id": known.workspace_id,
        "queue": listener_queue(known.name),
        "exchange": EVENTS,
        "routing_key": status_key(known.workspace_id or "*"),
        "created_at": known.created_at.isoformat(),
        "waiting": load.waiting if load else None,
        "readers": load.readers if load else None,
    }


def _load_in_words(load: Load | None) -> tuple[str, str]:
    if load is None:
        return "no queue: run proactivectl topology apply", ""
    return str(load.waiting), str(load.readers)


def _scope(workspace_id: str | None) -> str:
    return "the status events of " + (f"workspace {workspace_id}" if workspace_id else "all workspaces")
