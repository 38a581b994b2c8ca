"""`status`: channels, lanes and workers on one screen."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from proactive_contracts.status import Status
from proactivectl.failures import WrongUsage
from proactivectl.gates import why_not
from proactivectl.output import AsJson, console, count, grid, is_json, show, shown
from proactivectl.picture import Picture, Row, look

MOST_CHANNELS = 15
"""Channels that are listed; those that are kept from sending come first."""

LANES = (
    "CHANNEL",
    "LANE",
    "QUEUED",
    "WITH A\nWORKER",
    "PARKED",
    "OLDEST\nWAITING",
    "IN PER\nSECOND",
    "OUT PER\nSECOND",
    "WORKERS",
)
CHANNELS = ("NAME", "CHANNEL", "WORKSPACE", "STATE", "WAITING", "WHY")


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Draw it anew until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, max=3600, metavar="SECONDS", help="How often, with --watch.")] = 2,
    as_json: AsJson = False,
) -> None:
    """
    Show how everything stands: what waits in each lane, for how long, how fast it goes, and who works on it.

    QUEUED is in the lane's queue; WAITING, of a channel, was taken from there and put off until the channel may send.
    OLDEST WAITING is since it was asked for, wherever the message is now. Exit code 1: nothing answered.
    """
    if watch:
        _watch(every)
        return
    seen = asyncio.run(look())
    show(document(seen), lambda: console().print(drawn(seen)))
    if not seen.answered:
        raise typer.Exit(1)


def _watch(every: float) -> None:
    screen = console()
    if is_json() or not screen.is_terminal:
        raise WrongUsage("--watch needs a terminal", "Leave it away to see it once; --json is for programs.")
    try:
        with Live(console=screen, screen=True, auto_refresh=False) as live:
            asyncio.run(_draw_anew(live, every))
    except KeyboardInterrupt:
        return


async def _draw_anew(live: Live, every: float) -> None:
    """Until Ctrl-C, which ends it even in the midst of a look."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        looking = asyncio.create_task(look())
        await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if looking.done():
            live.update(drawn(looking.result(), f"every {every:g} s, until Ctrl-C"), refresh=True)
            await asyncio.wait({stopping}, timeout=every)


def document(seen: Picture) -> dict[str, Any]:
    """For --json."""
    return {
        "at": seen.at.isoformat(),
        "lanes": [asdict(row) for row in seen.rows],
        "channels": list(seen.channels),
        "waiting": list(seen.waiting),
        "notes": list(seen.notes),
    }


def drawn(seen: Picture, more: str = "") -> RenderableType:
    """One screen; what somebody has to look at comes first, for a small one is cut at its end."""
    told = f"{seen.at.astimezone():%Y-%m-%d %H:%M:%S}" + (f", {more}" if more else "")
    notes = [shown(note, "yellow") for note in (*_to_know(seen), *seen.notes)]
    lanes = grid(LANES, [_lane(row) for row in seen.rows], gap=2)
    parts: list[RenderableType] = [Text(told, style="dim"), *notes, "", lanes]
    if seen.channels:
        parts += ["", grid(CHANNELS, [_channel(one) for one in _first(seen.channels)], gap=2)]
    if (more_channels := len(seen.channels) - MOST_CHANNELS) > 0:
        parts.append(f"and {count(more_channels, 'channel')} more: proactivectl channel state")
    return Group(*parts)


def _lane(row: Row) -> list[object]:
    idle = row.workers == 0
    return [
        row.channel,
        row.lane,
        row.queued,
        row.with_a_worker,
        shown(row.parked, "yellow" if row.parked else ""),
        age(row.oldest_seconds),
        _rate(row.in_per_second),
        _rate(row.out_per_second),
        shown(row.workers, "bold red" if idle and row.queued else ""),
    ]


def _channel(one: Mapping[str, Any]) -> list[object]:
    state = shown(one["state"], "" if one["state"] == "open" else "yellow")
    return [one["name"], one["channel"], one["workspace_id"], state, one["waiting"], why_not(dict(one))]


def _first(channels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(channels, key=lambda one: (one["state"] == "open", -one["waiting"]))[:MOST_CHANNELS]


def _to_know(seen: Picture) -> list[str]:
    """What somebody has to look at, with the command for it."""
    told = []
    for row in seen.rows:
        if row.workers == 0 and row.queued:
            told.append(f"Nobody works on {row.channel} {row.lane or ''}".rstrip() + ". See: proactivectl doctor")
    if aside := sum(row.parked or 0 for row in seen.rows):
        told.append(f"{count(aside, 'message')} parked. See why: proactivectl parked list")
    if unknown := sum(one["messages"] for one in seen.waiting if one["status"] == Status.UNKNOWN):
        see = "proactivectl message list --status unknown --workspace ID"
        told.append(f"{count(unknown, 'message')} may have been sent. See: {see}")
    return told


def age(seconds: float | None) -> str | None:
    """Such as 31 s, 12 min, 3.1 h or 2.5 days; None for none."""
    if seconds is None:
        return None
    for most, unit, name in ((120, 1, "s"), (7200, 60, "min")):
        if seconds < most:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _rate(per_second: float | None) -> str | None:
    return None if per_second is None else f"{per_second:.1f}"
