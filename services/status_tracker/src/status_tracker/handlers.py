"""Load, decide, record: many events in one transaction."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from runtime import clock, failpoints
from runtime.batching import Batcher
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE, UNPREPARED
from status_tracker import metrics
from status_tracker.domain.decision import Change, Known, MessageKey, decide
from status_tracker.domain.entries import LOOKED_UP, Entry, Request, Source
from status_tracker.domain.history import misdirected
from status_tracker.recent import Recent, Said
from status_tracker.storage import effects, entries, erasing, messages, openings, outgoing
from status_tracker.storage.database import Connection, Pool
from status_tracker.storage.outgoing import InLine

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

    `written` is called after a commit that left something for the loops to do, with the status events that are this
    process's to publish for `lease_seconds`.
    """

    def __init__(self, pool: Pool, written: Callable[[InLine], None], lease_seconds: float = 0) -> None:
        self._pool = pool
        self._written = written
        self._lease_seconds = lease_seconds
        self._recent = Recent()
        self._batcher = Batcher(self._write, MAX_BATCH, shared=(*TROUBLE, *UNPREPARED), collects=True)

    async def record(self, fact: Fact) -> Outcome:
        """Return once it is committed. Safe to repeat: an entry that is known changes nothing."""
        return await self._batcher.add(fact)

    async def _write(self, facts: list[Fact]) -> list[Outcome]:
        began = time.perf_counter()
        async with self._pool.acquire() as connection, connection.transaction():
            outcomes, changes, fresh = await _record(connection, self._recent, facts)
            in_line = await _have_done(connection, changes, self._lease_seconds)
        metrics.BATCHES.observe(len(facts))
        metrics.BATCH_SECONDS.observe(time.perf_counter() - began)
        _tell_misdirected(changes, fresh)
        _count(changes)
        if any(change.announcements or change.note or change.opens for change in changes):
            await failpoints.reach("tracker.after_commit")
            self._written(in_line)
        return list(outcomes)


async def _record(
    connection: Connection, recent: Recent, facts: Sequence[Fact]
) -> tuple[Sequence[Outcome], Sequence[Change], Collection[UUID]]:
    unique = {fact.entry.entry_id: fact.entry for fact in facts}
    fresh = await entries.remember(connection, unique.values())
    if not fresh:
        return [Outcome.DUPLICATE] * len(facts), (), ()
    new = [fact for fact in facts if fact.entry.entry_id in fresh]
    if requests := [fact.request for fact in new if fact.request]:
        await entries.remember_requests(connection, requests)
    said = [unique[entry_id] for entry_id in fresh]
    matched = await entries.match_receipts(connection, [entry for entry in said if _needs_match(entry)])
    touched = {_key(entry) for entry in said if entry.message_id} | set(matched.values())
    erased = {_key(fact.entry) for fact in new if fact.erased}
    only_here = _by_message(requests, said, besides=matched.values())
    changes = await _apply(connection, recent, touched, erased, only_here) if touched else []
    shown = {change.key: change.shown.request for change in changes}
    return _outcomes(facts, fresh, matched, shown), changes, fresh


def _by_message(
    requests: Sequence[Request], entries: Sequence[Entry], besides: Collection[MessageKey]
) -> dict[MessageKey, Said]:
    """What a batch says of each message, but those of which more is known that names no message by itself."""
    found: dict[MessageKey, Said] = defaultdict(Said)
    for request in requests:
        found[request.asked.workspace_id, request.asked.message_id].requests.append(request)
    for entry in entries:
        if entry.message_id:
            found[_key(entry)].entries.append(entry)
    return {key: said for key, said in found.items() if key not in besides}


async def _apply(
    connection: Connection,
    recent: Recent,
    touched: Collection[MessageKey],
    erased: Collection[MessageKey],
    only_here: Mapping[MessageKey, Said],
) -> list[Change]:
    """
    Decide what the touched messages' rows say now, under their locks, and write it; of the erased, no person.

    Of a message without a row nothing is known but what is `only_here`, and its row is made as it is to be. Where
    somebody else makes it in that moment, it is decided again, with what they know.
    """
    there = [replace(row, erased=row.erased or row.key in erased) for row in await messages.lock(connection, touched)]
    new = [Known(key, None, 0, None, erased=key in erased) for key in set(touched) - {row.key for row in there}]
    said = await _all_said(connection, recent, (*there, *new), only_here)
    at = clock.now()
    decided = {row.key: decide(row, said[row.key].requests, said[row.key].entries, at) for row in (*there, *new)}
    made = await messages.create(connection, {row.key: decided[row.key] for row in new}) if new else {}
    known = [*there, *(row for row in new if row.key in made)]
    changes = [change for row in known if (change := decided[row.key]) is not None]
    changed = [change for change in changes if change.key not in made]
    versions = made | (await messages.save(connection, changed) if changed else {})
    await erasing.erase_messages(connection, [row.key for row in known if row.erased])
    recent.keep({change.key: (versions[change.key], said[change.key]) for change in changes})
    if overtaken := {row.key for row in new} - made.keys():
        changes += await _apply(connection, recent, overtaken, erased, {})
    return changes


async def _all_said(
    connection: Connection, recent: Recent, rows: Sequence[Known], only_here: Mapping[MessageKey, Said]
) -> dict[MessageKey, Said]:
    """Everything that is known of the messages; it is read where it is more than what is here and what is recent."""
    known: dict[MessageKey, Said] = {}
    for row in rows:
        here, before = only_here.get(row.key), recent.of(row)
        if here is not None and before is not None:
            known[row.key] = before + here
    if unknown := [row.key for row in rows if row.key not in known]:
        requests = await entries.requests_of(connection, unknown)
        said = await entries.entries_of(connection, unknown)
        known |= {key: Said(requests.get(key, []), said.get(key, [])) for key in unknown}
    return known


async def _have_done(connection: Connection, changes: Sequence[Change], lease_seconds: float) -> InLine:
    """Have the loops do what comes of changes."""
    in_line = InLine()
    if announcements := [told for change in changes for told in change.announcements]:
        in_line = await outgoing.add(connection, announcements, lease_seconds)
    if opening := [change for change in changes if change.opens]:
        await openings.add(connection, opening)
    if noted := [change for change in changes if change.note]:
        await effects.add(connection, noted)
    return in_line


def _tell_misdirected(changes: Collection[Change], fresh: Collection[UUID]) -> None:
    """Count each receipt that is known by now to have come through another channel than its message's, once."""
    for change in changes:
        for entry in change.misdirected:
            if change.is_first or entry.entry_id in fresh:
                metrics.MISDIRECTED.inc()
                with about(*change.key, change.shown.request.trace):
                    log.warning("receipt_misdirected", channel_id=str(entry.channel_id))


def _count(changes: Collection[Change]) -> None:
    """Each status that a message came to have."""
    for change in changes:
        for told in change.announcements:
            data = told.event.data
            metrics.became(data.channel, change.lane, data.status, change.shown.request.at, data.since)


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
