"""`channel state|pause|resume|limit`: what may leave through a channel now, told to the dispatcher."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from proactivectl.auditing import audited, operator
from proactivectl.dispatcher_api import DispatcherApi, dispatcher
from proactivectl.failures import Failure, WrongUsage
from proactivectl.history import clock_time
from proactivectl.output import AsJson, say, show, table
from runtime import clock

ChannelId = Annotated[UUID, typer.Argument(help="The channel's id; see: proactivectl channel list")]

_NO_LIMIT = "none"
_LEAST_PER_SECOND, _MOST_PER_SECOND = 0.001, 10_000


def add_to(channels: typer.Typer) -> None:
    """Have these commands among the others about channels."""
    channels.command("state")(show_states)
    channels.command("pause")(pause_channel)
    channels.command("resume")(resume_channel)
    channels.command("limit", context_settings={"ignore_unknown_options": True})(limit_channel)  # -5 is a wrong rate


def pause_channel(id: ChannelId, as_json: AsJson = False) -> None:  # noqa: A002
    """Let nothing leave through a channel: its messages wait, until it is resumed or their time is over."""
    sender = asyncio.run(_act("channel.pause", id, {}, lambda api: api.pause(id, paused=True, by=operator())))
    words = f"Channel {id} is paused; {sender['waiting']} messages wait. Go on with: proactivectl channel resume {id}"
    show(sender, lambda: say(words))


def resume_channel(id: ChannelId, as_json: AsJson = False) -> None:  # noqa: A002
    """
    End a pause: what waits leaves as fast as the channel's limit lets it.

    Where the provider refused the channel, or failed, one message tries it at once, and the others follow slowly. If
    it asked us to wait, that outlasts the pause; it is ended by resuming a channel that is not paused.
    """
    sender = asyncio.run(_act("channel.resume", id, {}, lambda api: api.pause(id, paused=False, by=operator())))
    show(sender, lambda: say(_resumed(id, sender)))


def limit_channel(
    id: ChannelId,  # noqa: A002
    per_second: Annotated[str, typer.Argument(metavar="PER_SECOND", help="Such as 10 or 0.5, or none for no limit.")],
    as_json: AsJson = False,
) -> None:
    """Let at most so many messages leave through a channel each second, all replicas together; parts of an SMS."""
    limit = _limit(per_second)
    detail = {"per_second": limit}
    sender = asyncio.run(_act("channel.limit", id, detail, lambda api: api.limit(id, limit, by=operator())))
    words = "has no limit now" if limit is None else f"sends at most {limit:g} a second now"
    show(sender, lambda: say(f"Channel {id} {words}; {sender['waiting']} messages wait."))


def show_states(as_json: AsJson = False) -> None:
    """List what keeps channels from sending: limits, pauses, breakers, and how many messages wait."""
    found = asyncio.run(_states())
    rows = [
        (
            one["workspace_id"],
            one["name"],
            one["channel"],
            one["state"],
            one["per_second"],
            one["waiting"],
            why_not(one),
            one["channel_id"],
        )
        for one in found
    ]
    columns = ("WORKSPACE", "NAME", "CHANNEL", "STATE", "PER SECOND", "WAITING", "WHY", "ID")
    empty = "No channel is connected. Connect one with: proactivectl channel connect"
    show({"channels": found}, lambda: table(columns, rows, empty))


async def _act(
    action: str,
    channel_id: UUID,
    detail: dict[str, float | None],
    act: Callable[[DispatcherApi], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    async with dispatcher() as api:
        known = {one["channel_id"]: one for one in await api.channels()}
        if str(channel_id) not in known:
            raise Failure(f"channel {channel_id} is not connected", "See: proactivectl channel list")
        workspace = {"workspace": known[str(channel_id)]["workspace_id"]}
        async with audited(action, str(channel_id), {**workspace, **detail}) as outcome:
            sender = await act(api)
            outcome.words = str(sender["state"])
            return sender


async def _states() -> list[dict[str, Any]]:
    async with dispatcher() as api:
        return await api.channels()


def _limit(typed: str) -> float | None:
    if typed == _NO_LIMIT:
        return None
    try:
        limit = float(typed)
    except ValueError:
        limit = 0
    if not _LEAST_PER_SECOND <= limit <= _MOST_PER_SECOND:
        raise WrongUsage(
            f"PER_SECOND is {typed!r}", f"Give a number from {_LEAST_PER_SECOND} to {_MOST_PER_SECOND}, or {_NO_LIMIT}."
        )
    return limit


def _resumed(channel_id: UUID, sender: dict[str, Any]) -> str:
    """What goes on, and what still stops it."""
    waiting = f"{sender['waiting']} messages wait"
    open_ones = [breaker for breaker in (sender["breaker"], sender["provider_breaker"]) if breaker]
    if sender["state"] != "open" and not any(breaker["probing"] for breaker in open_ones):
        return f"Channel {channel_id} does not go on, it is {sender['state']} ({why_not(sender)}); {waiting}."
    if open_ones:
        whose = "it" if sender["breaker"] else "its provider"
        first = f"one message tries {whose} first, the others follow once it was answered"
        return f"Channel {channel_id} is resumed: {first} ({why_not(sender)}); {waiting}."
    return f"Channel {channel_id} goes on; {waiting}."


def why_not(one: dict[str, Any]) -> str:
    """What keeps a channel from sending, in words; empty where nothing does."""
    breaker = one["breaker"] or one["provider_breaker"] or {}
    words = (
        f"paused by {one['paused_by']}" if one["paused_at"] else "",
        f"until {one['held_until']}" if one["held_until"] else "",
        " ".join(filter(None, (breaker.get("provider_code"), breaker.get("detail")))),
        _next_try(breaker),
    )
    return "; ".join(filter(None, words))


def _next_try(breaker: dict[str, Any]) -> str:
    if not breaker or breaker["probing"]:
        return "being tried now" if breaker else ""
    retry_at = datetime.fromisoformat(breaker["retry_at"])
    return "tried with the next message" if retry_at <= clock.now() else f"tried again at {clock_time(retry_at)}"
