"""Events through the real storage: any order, any number of times, many at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import asyncpg
import pytest

from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.status import Status
from runtime.postgres import Pool, pool
from status_tracker import metrics
from status_tracker.answers import as_message_with_timeline
from status_tracker.domain.entries import Source
from status_tracker.domain.findings import not_taken
from status_tracker.handlers import Fact, Outcome
from status_tracker.storage import entries, erasing
from tests.integration.tracker_support import (
    announced,
    fact_of,
    make_recorder,
    open_storage,
    prepare,
    record,
    row_of,
)
from tests.unit.status_tracker.making import NOON, OTHER_CHANNEL_ID, Story, make_request

SHOWN = ("event_id", "status", "status_at", "reason", "detail", "provider", "provider_code", "provider_message_id")


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


def make_life(number: int) -> tuple[Story, Sequence[Event[Any]]]:
    """A message, corrected once, failed and then delivered after all; its receipts name only the provider's id."""
    story = Story(make_request(conversation_id=f"conversation {number}"))
    message_id = story.request.data.message_id
    corrected = Story(make_request("Corrected", message_id=message_id, at=NOON + timedelta(seconds=5)))
    undelivered = story.receipt(ReceiptStatus.UNDELIVERED, echoed=False, reason=FailureReason.UNREACHABLE)
    return story, (
        story.request,
        story.accepted(),
        corrected.refused_as_changed(),
        undelivered,
        story.receipt(ReceiptStatus.DELIVERED, echoed=number % 2 == 0),
    )


async def test_every_permutation_ends_in_the_same_row(storage: Pool) -> None:
    rows, told = set(), set()
    orders = list(permutations(range(5)))
    recorder = make_recorder(storage)
    for start in range(0, len(orders), 20):
        lives = [(make_life(number), orders[number]) for number in range(start, start + 20)]
        for place in range(5):
            await asyncio.gather(*(recorder.record(fact_of(events[order[place]])) for (_, events), order in lives))
        for (story, _), order in lives:
            row = (await row_of(storage, story.request)).row
            assert row["event_id"] == story.request.id
            assert row["provider_message_id"] == story.provider_message_id
            rows.add(tuple(row[name] for name in SHOWN if name not in ("event_id", "provider_message_id")))
            message_id = str(story.request.data.message_id)
            last = [event for event in await announced(storage) if event["subject"] == message_id][-1]
            told.add(last["data"]["status"])
            assert order is not None
    assert len(rows) == 1
    assert rows.pop()[0] == Status.DELIVERED
    assert told == {"delivered"}


async def test_plans_made_for_empty_tables_never_read_a_whole_one(database_url: str) -> None:
    await prepare(database_url)
    before = await count_scans(database_url)
    async with pool(database_url, application="test", by_index=True) as opened:
        recorder = make_recorder(opened)
        for number in range(10):  # a plan is kept from the sixth time on
            _, events = make_life(number)
            await record(recorder, *events)
    assert await count_scans(database_url) == before
    assert await used(database_url, "message") == {"message_pkey"}, "what is the newest index now? (0011_key_last.sql)"


async def used(database_url: str, table: str) -> set[str]:
    """Which of a table's indexes were read so far."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT indexrelname FROM pg_stat_user_indexes WHERE schemaname = 'tracker' AND relname = $1 AND idx_scan > 0",
        table,
    )
    await connection.close()
    return {row["indexrelname"] for row in rows}


async def count_scans(database_url: str) -> int:
    """How often one of the tracker's tables was read as a whole; told when a connection is closed."""
    connection = await asyncpg.connect(database_url)
    count: int = await connection.fetchval(
        "SELECT sum(seq_scan)::int FROM pg_stat_user_tables WHERE schemaname = 'tracker' AND relname <> 'migration'"
    )
    await connection.close()
    return count


async def test_the_same_event_many_times_counts_once(storage: Pool) -> None:
    story = Story(make_request())
    recorder = make_recorder(storage)
    events = [story.request, story.accepted()]
    assert await record(recorder, *events, *events) == ["recorded", "recorded", "duplicate", "duplicate"]
    outcomes = await asyncio.gather(*(recorder.record(fact_of(event)) for event in events * 5))
    assert set(outcomes) == {Outcome.DUPLICATE}
    assert [event["data"]["status"] for event in await announced(storage)] == ["queued", "sent"]
    assert await storage.fetchval("SELECT count(*) FROM tracker.effect") == 1


async def test_duplicates_within_one_batch_count_once(storage: Pool) -> None:
    story = Story(make_request())
    recorder = make_recorder(storage)
    started = story.started()
    facts = [fact_of(event) for event in (story.request, started, started, story.request)]
    outcomes = await asyncio.gather(*(recorder.record(fact) for fact in facts))
    assert sorted(outcomes) == ["duplicate", "duplicate", "recorded", "recorded"]
    assert len(await announced(storage)) == 2


async def test_batch_tells_what_one_by_one_would_have_told(storage: Pool) -> None:
    story = Story(make_request())
    events = [story.accepted(), story.request, story.started()]
    await asyncio.gather(*(make_recorder(storage).record(fact_of(event)) for event in events[:1]))
    recorder = make_recorder(storage)
    await asyncio.gather(*(recorder.record(fact_of(event)) for event in events[1:]))
    pairs = [(event["data"].get("previous"), event["data"]["status"]) for event in await announced(storage)]
    assert pairs[0] == (None, "queued")
    assert pairs[-1][1] == "sent"
    assert [previous for previous, _ in pairs[1:]] == [status for _, status in pairs[:-1]]


async def test_early_receipt_waits_for_the_result_that_names_its_message(storage: Pool) -> None:
    story = Story(make_request())
    recorder = make_recorder(storage)
    early = story.receipt(ReceiptStatus.DELIVERED, echoed=False)
    assert await record(recorder, story.request, early) == [Outcome.RECORDED, Outcome.WAITING]
    assert (await row_of(storage, story.request)).row["status"] == "queued"
    await record(recorder, story.accepted())
    assert (await row_of(storage, story.request)).row["status"] == "delivered"


async def test_receipts_and_results_at_once_in_two_trackers_always_meet(storage: Pool) -> None:
    one, other = make_recorder(storage), make_recorder(storage)
    stories = [Story(make_request()) for _ in range(30)]
    await asyncio.gather(*(one.record(fact_of(story.request)) for story in stories))
    await asyncio.gather(
        *(one.record(fact_of(story.accepted())) for story in stories),
        *(other.record(fact_of(story.receipt(ReceiptStatus.DELIVERED, echoed=False))) for story in stories),
    )
    statuses = {(await row_of(storage, story.request)).row["status"] for story in stories}
    assert statuses == {"delivered"}


async def test_what_a_tracker_wrote_a_moment_ago_is_not_read_back(
    storage: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(make_request())
    recorder = make_recorder(storage)
    await record(recorder, story.request)
    with monkeypatch.context() as patch:
        patch.setattr(entries, "requests_of", None)
        await record(recorder, story.started(), story.accepted())
    assert (await row_of(storage, story.request)).row["status"] == "sent"
    assert [event["data"]["status"] for event in await announced(storage)] == ["queued", "sending", "sent"]


async def test_what_another_tracker_wrote_meanwhile_counts(storage: Pool) -> None:
    """Each of them wrote the message's row a moment ago; what the other one recorded since then tells nothing new."""
    story = Story(make_request())
    one, other = make_recorder(storage), make_recorder(storage)
    await record(one, story.request, story.started())
    await record(other, story.unknown())
    await record(one, story.receipt(ReceiptStatus.READ))
    await record(other, story.accepted())
    await record(one, story.receipt(ReceiptStatus.DELIVERED))
    assert (await row_of(storage, story.request)).row["status"] == "read"
    told = [event["data"]["status"] for event in await announced(storage)]
    assert told == ["queued", "sending", "unknown", "read"]


async def test_what_another_tracker_commits_while_the_row_is_waited_for_counts(storage: Pool) -> None:
    story = Story(make_request())
    one, other = make_recorder(storage), make_recorder(storage)
    await record(one, story.request)
    async with storage.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM tracker.message FOR UPDATE")
            behind = asyncio.create_task(record(other, story.receipt(ReceiptStatus.READ)))
            await waiting_for_locks(storage, 1)
            last = asyncio.create_task(record(one, story.accepted()))
            await waiting_for_locks(storage, 2)
        await asyncio.gather(behind, last)
    row = (await row_of(storage, story.request)).row
    assert (row["status"], row["provider_message_id"]) == ("read", story.provider_message_id)


async def waiting_for_locks(storage: Pool, count: int) -> None:
    """Return once so many of the database's transactions wait for somebody's lock."""
    async with asyncio.timeout(10):
        while count > await storage.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)


async def test_of_who_was_erased_nothing_comes_back_from_a_moment_ago(storage: Pool) -> None:
    story = Story(make_request())
    recorder = make_recorder(storage)
    await record(recorder, story.request, story.accepted())
    await storage.execute("TRUNCATE tracker.outgoing, tracker.effect")
    asked = story.request.data
    await erasing.erase(storage, asked.workspace_id, asked.recipient, None)
    await record(recorder, story.receipt(ReceiptStatus.READ))
    row = await storage.fetchrow("SELECT status, recipient, text_digest FROM tracker.message")
    assert row is not None
    assert tuple(row) == ("read", None, None)


async def test_request_and_result_at_once_in_two_trackers_make_one_row_of_both(storage: Pool) -> None:
    """Each finds no row of the message, and makes it."""
    for _ in range(5):
        one, other = make_recorder(storage), make_recorder(storage)
        stories = [Story(make_request()) for _ in range(40)]
        await asyncio.gather(
            *(one.record(fact_of(story.request)) for story in stories),
            *(other.record(fact_of(story.accepted())) for story in reversed(stories)),
        )
        shown = [(await row_of(storage, story.request)).row for story in stories]
        assert {(row["status"], row["revision"]) for row in shown} == {("sent", 2)}
    told = [event["data"]["status"] for event in await announced(storage)]
    assert (told.count("queued"), told.count("sent")) == (200, 200)


async def test_receipt_of_another_workspace_never_meets_our_result(storage: Pool) -> None:
    story, foreign = Story(make_request(), "SM1"), Story(make_request(workspace_id="w2"), "SM1")
    await record(
        make_recorder(storage),
        story.request,
        story.accepted(),
        foreign.receipt(ReceiptStatus.READ, echoed=False),
    )
    assert (await row_of(storage, story.request)).row["status"] == "sent"


@pytest.mark.parametrize("early", [True, False])
async def test_receipt_that_echoes_an_id_of_another_channel_is_ignored(storage: Pool, early: bool) -> None:
    story = Story(make_request())
    foreign = story.receipt(ReceiptStatus.READ, channel_id=OTHER_CHANNEL_ID)
    ours, before = [story.request, story.accepted()], metrics.MISDIRECTED._value.get()
    outcomes = await record(make_recorder(storage), *([foreign, *ours] if early else [*ours, foreign]))
    assert (Outcome.MISDIRECTED in outcomes) is not early
    assert metrics.MISDIRECTED._value.get() == before + 1
    assert (await row_of(storage, story.request)).row["status"] == "sent"
    await record(make_recorder(storage), foreign, story.receipt(ReceiptStatus.DELIVERED), foreign)
    assert metrics.MISDIRECTED._value.get() == before + 1, "each is counted once"


async def test_receipts_of_every_kind_end_the_same_in_whatever_order_they_come(storage: Pool) -> None:
    """Twice, before the result and before the request, named by our id or the provider's, of a part, gone astray."""
    recorder, rows, notes = make_recorder(storage), set(), set()
    for seed in range(40):
        story = Story(make_request(conversation_id=f"conversation {seed}"))
        said = {
            "sent": story.receipt(ReceiptStatus.SENT, echoed=False, code="7", detail="Message sent to next instance"),
            "part": story.receipt(ReceiptStatus.DELIVERED, detail="one part"),
            "other part": story.receipt(
                ReceiptStatus.UNDELIVERED,
                echoed=False,
                code="30003",
                reason=FailureReason.PARTIAL,
                detail="Unreachable",
            ),
            "read": story.receipt(ReceiptStatus.READ),
            "astray": story.receipt(ReceiptStatus.READ, channel_id=OTHER_CHANNEL_ID),
        }
        events = [story.request, story.started(), story.accepted(), *said.values()]
        arriving = [*events, *events[1:5]]
        Random(seed).shuffle(arriving)
        if seed % 2:
            await record(recorder, *arriving)
        else:  # in batches, some of which hold an event and its repetition
            for start in range(0, len(arriving), 5):
                await asyncio.gather(*(recorder.record(fact_of(event)) for event in arriving[start : start + 5]))
        shown = await row_of(storage, story.request)
        rows.add(tuple(shown.row[name] for name in ("status", "reason", "provider_code", "detail", "provider")))
        key = (story.request.data.workspace_id, story.request.data.message_id)
        kept = await entries.timeline_of(storage, key)
        timeline = as_message_with_timeline(shown, kept, ()).timeline
        told = {(line.provider_code, line.detail) for line in timeline if line.source is Source.RECEIPT}
        assert told == {(one.data.provider_code, one.data.detail) for name, one in said.items() if name != "astray"}
        noted = "SELECT kind FROM tracker.effect WHERE message_id = $1 ORDER BY effect_id DESC LIMIT 1"
        notes.add(await storage.fetchval(noted, key[1]))
    assert rows == {("failed", "partial", "30003", "Unreachable", "twilio")}
    assert notes == {"partial"}


async def test_sweep_finding_yields_to_a_dispatcher_whichever_came_first(storage: Pool) -> None:
    for first in ("finding", "started"):
        story = Story(make_request())
        asked = story.request.data
        finding = Fact(not_taken(story.request.id, (asked.workspace_id, asked.message_id), asked.channel_id, NOON))
        facts = [finding, fact_of(story.started())]
        recorder = make_recorder(storage)
        await recorder.record(fact_of(story.request))
        for fact in facts if first == "finding" else reversed(facts):
            await recorder.record(fact)
        assert (await row_of(storage, story.request)).row["status"] == "sending"


async def test_timeline_keeps_everything_that_was_said(storage: Pool) -> None:
    story, events = make_life(0)
    await record(make_recorder(storage), *events)
    key = (story.request.data.workspace_id, story.request.data.message_id)
    said = (await entries.entries_of(storage, [key]))[key]
    assert {entry.event_id for entry in said} == {event.id for event in events}


async def test_event_that_cannot_be_stored_fails_alone(storage: Pool) -> None:
    good, bad = Story(make_request()), Story(make_request())
    broken = fact_of(bad.request)
    object.__setattr__(broken.entry, "detail", "a \x00 in it")
    recorder = make_recorder(storage)
    results = await asyncio.gather(
        recorder.record(fact_of(good.request)), recorder.record(broken), return_exceptions=True
    )
    assert results[0] is Outcome.RECORDED
    assert isinstance(results[1], asyncpg.DataError)


async def test_trouble_with_the_database_is_told_to_every_caller(storage: Pool) -> None:
    await storage.close()
    with pytest.raises(asyncpg.InterfaceError):
        await make_recorder(storage).record(fact_of(make_request()))
