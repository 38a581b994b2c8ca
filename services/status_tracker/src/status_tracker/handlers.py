"""Load, decide, record: many events in one transaction."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from runtime import clock, failpoints
from runtime.batching import Batcher
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED
from status_tracker import metrics
from status_tracker.domain.decision import Change, MessageKey, decide
from status_tracker.domain.entries import LOOKED_UP, Entry, Request, Source
from status_tracker.domain.history import misdirected
from status_tracker.storage import effects, entries, erasing, messages, openings, outgoing
from status_tracker.storage.database import Connection, Pool

MAX_BATCH = 200

log = get_logger()


class Outcome(StrEnum):
    """What became of an event."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    WAITING = "waiting"
    """Kept until its request, or the result that names its message, is known."""
    MISDIRECTED = "misdirected"
    """A receipt through another channel than the message's; it does not count."""
    ERASED = "erased"
    """Of somebody who was erased after it: not kept."""


@dataclass(frozen=True)
class Fact:
    """An entry for the timeline; with its request where it is one. `erased`: its person was, after it was asked for."""

    entry: Entry
    request: Request | None = None
    erased: bool = False


class Recorder:
    """
    Writes what is said about messages: history, timeline, status events and effects, all or nothing.

    `written` is called after a commit that left something for the loops to do.
    """

    def __init__(self, pool: Pool, written: Callable[[], None]) -> None:
        self._pool = pool
        self._written = written
        self._batcher = Batcher(self._write, MAX_BATCH, shared=(*TROUBLE, *UNPREPARED))

    async def record(self, fact: Fact) -> Outcome:
        """Return once it is committed. Safe to repeat: an entry that is known changes nothing."""
        return await self._batcher.add(fact)

    async def _write(self, facts: list[Fact]) -> list[Outcome]:
        began = time.perf_counter()
        async with self._pool.acquire() as connection, connection.transaction():
            outcomes, changes, fresh = await _record(connection, facts)
        metrics.BATCHES.observe(len(facts))
        metrics.BATCH_SECONDS.observe(time.perf_counter() - began)
        _tell_misdirected(changes, fresh)
        if any(change.announcements or change.note or change.opens for change in changes):
            await failpoints.reach("tracker.after_commit")
            self._written()
        return list(outcomes)


async def _record(
    connection: Connection, facts: Sequence[Fact]
) -> tuple[Sequence[Outcome], Sequence[Change], Collection[UUID]]:
    unique = {fact.entry.entry_id: fact.entry for fact in facts}
    fresh = await entries.remember(connection, unique.values())
    if not fresh:
        return [Outcome.DUPLICATE] * len(facts), (), ()
    if requests := [fact.request for fact in facts if fact.request and fact.entry.entry_id in fresh]:
        await entries.remember_requests(connection, requests)
    new = [entry for entry in unique.values() if entry.entry_id in fresh]
    matched = await entries.match_receipts(connection, [entry for entry in new if _needs_match(entry)])
    touched = {_key(entry) for entry in new if entry.message_id} | set(matched.values())
    erased = {_key(fact.entry) for fact in facts if fact.erased and fact.entry.entry_id in fresh}
    changes = await _apply(connection, touched, erased) if touched else []
    shown = {change.key: change.shown.request for change in changes}
    return _outcomes(facts, fresh, matched, shown), changes, fresh


async def _apply(
    connection: Connection, touched: Collection[MessageKey], erased: Collection[MessageKey]
) -> Sequence[Change]:
    """Decide what the touched messages' rows say now, under their locks, and write it; of the erased, no person."""
    known = [replace(row, erased=row.erased or row.key in erased) for row in await messages.lock(connection, touched)]
    keys = [row.key for row in known]
    requests = await entries.requests_of(connection, keys)
    said = await entries.entries_of(connection, keys)
    at = clock.now()
    decided = [decide(row, requests.get(row.key, ()), said.get(row.key, ()), at) for row in known]
    changes = [change for change in decided if change is not None]
    if changes:
        await messages.save(connection, changes)
    if announcements := [told for change in changes for told in change.announcements]:
        await outgoing.add(connection, announcements)
    if opening := [change.key for change in changes if change.opens]:
        await openings.add(connection, opening)
    if noted := [change for change in changes if change.note]:
        await effects.add(connection, noted)
    await erasing.erase_messages(connection, [row.key for row in known if row.erased])
    return changes


def _tell_misdirected(changes: Collection[Change], fresh: Collection[UUID]) -> None:
    """Count each receipt that is known by now to have come through another channel than its message's, once."""
    for change in changes:
        for entry in change.misdirected:
            if change.is_first or entry.entry_id in fresh:
                metrics.MISDIRECTED.inc()
                log.warning("receipt_misdirected", message_id=str(entry.message_id), channel_id=str(entry.channel_id))


def _needs_match(entry: Entry) -> bool:
    """The dispatcher says which message a provider's id belongs to; receipts ask. An echo proves nothing."""
    says = entry.source is Source.DISPATCHER or entry.event == LOOKED_UP
    return entry.message_id is None or (says and entry.provider_message_id is not None)


def _outcomes(
    facts: Sequence[Fact], fresh: set[UUID], matched: dict[UUID, MessageKey], shown: dict[MessageKey, Request]
) -> Sequence[Outcome]:
    outcomes = []
    remaining = set(fresh)
    for fact in facts:
        entry = fact.entry
        if entry.entry_id not in remaining:
            outcomes.append(Outcome.DUPLICATE)
            continue
        remaining.discard(entry.entry_id)
        request = shown.get(matched.get(entry.entry_id) or _key(entry))
        outcomes.append(_outcome(entry, request))
    return outcomes


def _outcome(entry: Entry, request: Request | None) -> Outcome:
    if request is None:
        return Outcome.WAITING
    return Outcome.MISDIRECTED if misdirected(entry, request) else Outcome.RECORDED


def _key(entry: Entry) -> MessageKey:
    return entry.workspace_id, entry.message_id or UUID(int=0)
