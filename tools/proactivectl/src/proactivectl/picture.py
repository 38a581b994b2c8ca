"""What `status` shows: how everything stands at one moment, as far as its sources answer."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from proactive_contracts.status import Status
from proactive_contracts.topology import HISTORY_QUEUE, parked, send_queue
from proactive_contracts.values import Channel, Lane
from proactivectl.dispatcher_api import dispatcher, tracker_operators
from proactivectl.environment import amqp_url, broker_failures
from proactivectl.failures import Failure
from proactivectl.queues import Queued, over_amqp, over_management
from runtime import clock
from runtime.amqp.connection import connect

SOURCE_SECONDS = 5.0

_RATES = "rates, and what is with a worker"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Row:
    """One lane of a channel, or the history; None: not known."""

    channel: str
    lane: str | None
    queued: int | None = None
    with_a_worker: int | None = None
    parked: int | None = None
    oldest_seconds: float | None = None
    in_per_second: float | None = None
    out_per_second: float | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Picture:
    """Everything at once; `notes` are what cannot be seen, and what to do about it."""

    at: datetime
    rows: Sequence[Row]
    channels: Sequence[Mapping[str, Any]]
    waiting: Sequence[Mapping[str, Any]]
    notes: Sequence[str]
    answered: bool


@dataclass
class _Sources:
    """Asks; what does not answer becomes a note."""

    notes: list[str] = field(default_factory=list)
    answered: int = 0

    async def ask(self, what: str, look: Callable[[], Awaitable[Found]], otherwise: Found) -> Found:
        try:
            async with asyncio.timeout(SOURCE_SECONDS):
                found = await look()
        except TimeoutError:
            self.notes.append(
                f"Not shown: {what}, since nothing answered in {SOURCE_SECONDS:g} s. See: proactivectl doctor"
            )
        except Failure as failure:
            self.notes.append(f"Not shown: {what}, since {failure.line}")
        else:
            self.answered += 1
            return found
        return otherwise


async def look() -> Picture:
    """How everything stands now."""
    sources = _Sources()
    none: list[dict[str, Any]] = []
    queues, channels, waiting = await asyncio.gather(
        _queues(sources),
        sources.ask("channels", _channels, none),
        sources.ask("oldest waiting", _waiting, none),
    )
    return Picture(clock.now(), rows_of(queues, waiting), channels, waiting, sources.notes, sources.answered > 0)


async def _queues(sources: _Sources) -> Mapping[str, Queued]:
    nothing: Mapping[str, Queued] = {}
    management_url = os.environ.get("PROACTIVE_MANAGEMENT_URL", "").strip()
    if management_url:
        if found := await sources.ask(_RATES, lambda: over_management(management_url, amqp_url()), nothing):
            return found
    else:
        sources.notes.append(f"Not shown: {_RATES}. For these, set PROACTIVE_MANAGEMENT_URL.")
    return await sources.ask("queues", _over_amqp, nothing)


async def _over_amqp() -> Mapping[str, Queued]:
    url, names = amqp_url(), [queue for _, _, queue in _lanes()]
    with broker_failures(url):
        connection = await connect(url, "proactivectl status")
        try:
            return await over_amqp(connection, [*names, *map(parked, names)])
        finally:
            await connection.close()


async def _channels() -> list[dict[str, Any]]:
    async with dispatcher() as api:
        return await api.channels()


async def _waiting() -> list[dict[str, Any]]:
    async with tracker_operators() as api:
        found: list[dict[str, Any]] = (await api.required("GET", "/v1/waiting"))["waiting"]
        return found


def _lanes() -> list[tuple[str, str | None, str]]:
    sending = [(str(channel), str(lane), send_queue(channel, lane)) for channel in Channel for lane in Lane]
    return [*sending, ("history", None, HISTORY_QUEUE)]


def rows_of(queues: Mapping[str, Queued], waiting: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row for each lane of each channel, and one for the history."""
    return [
        _row(channel, lane, queues.get(queue), queues.get(parked(queue)), waiting) for channel, lane, queue in _lanes()
    ]


def _row(
    channel: str, lane: str | None, queued: Queued | None, aside: Queued | None, waiting: Sequence[Mapping[str, Any]]
) -> Row:
    ages = [
        one["oldest_seconds"]
        for one in waiting
        if (one["channel"], one["lane"]) == (channel, lane) and one["status"] != Status.UNKNOWN
    ]
    oldest = max(ages, default=None)
    parked_now = aside.ready + (aside.taken or 0) if aside else None
    if queued is None:
        return Row(channel, lane, parked=parked_now, oldest_seconds=oldest)
    return Row(
        channel,
        lane,
        queued.ready,
        queued.taken,
        parked_now,
        oldest,
        queued.arriving,
        queued.leaving,
        queued.readers,
    )
