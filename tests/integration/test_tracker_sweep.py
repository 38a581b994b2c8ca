"""What no dispatcher took is found, and nothing else is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from proactive_contracts.receipts import ReceiptStatus
from runtime import clock
from runtime.http import client_session
from runtime.postgres import Pool
from status_tracker import metrics
from status_tracker.clients.dispatcher import DispatcherClient
from status_tracker.sweep import Sweep
from tests.integration.tracker_support import FakeJobs, announced, make_recorder, open_storage, record, row_of
from tests.unit.status_tracker.making import Story, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


class Told:
    """A log that remembers the names of its errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.words: list[str] = []

    def error(self, event: str, **fields: object) -> None:
        self.errors.append(event)
        self.words.append(str(fields))

    exception = error


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    log = Told()
    monkeypatch.setattr("status_tracker.sweep.log", log)
    return log


def make_late(seconds: float = 3600) -> Story:
    """A message whose not_after passed that long ago."""
    return Story(make_request(at=clock.now() - timedelta(seconds=900 + seconds)))


@asynccontextmanager
async def sweeping(
    storage: Pool, jobs: FakeJobs, read_up_to: datetime | None, url: str | None = None
) -> AsyncIterator[Sweep]:
    async with jobs.served() as served, client_session(2) as session:
        dispatcher = DispatcherClient(session, url or served, SecretStr("operators-token"))
        yield Sweep(storage, make_recorder(storage), dispatcher, lambda: read_up_to, grace_seconds=60, poll_seconds=5)


async def status_of(storage: Pool, story: Story) -> str:
    return str((await row_of(storage, story.request)).row["status"])


async def test_what_the_dispatcher_never_saw_is_shown_as_not_confirmed(storage: Pool) -> None:
    story, jobs = make_late(), FakeJobs()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
        await sweep.turn()
    assert await status_of(storage, story) == "not_confirmed"
    assert jobs.asked == [str(story.request.data.message_id)]
    assert [event["data"]["status"] for event in await announced(storage)] == ["queued", "not_confirmed"]
    assert await storage.fetchval("SELECT kind FROM tracker.effect") == "untaken"


def known_as(story: Story, state: str, **fields: object) -> FakeJobs:
    """A dispatcher that has the message, in this state since a while ago."""
    since = (clock.now() - timedelta(minutes=10)).isoformat()
    says = {"event_id": str(story.request.id), "state": state, "attempt": 1, "since": since}
    return FakeJobs({story.request.data.message_id}, says | fields)


async def test_what_the_dispatcher_has_alerts_and_is_never_called_not_taken(storage: Pool, told: Told) -> None:
    story = make_late()
    jobs = FakeJobs(known={story.request.data.message_id})
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
        await sweep.turn()
    assert await status_of(storage, story) == "queued", "its answer cannot be read"
    assert len(jobs.asked) == 1, "it is not asked about in every turn"
    assert told.errors == ["message_overdue"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("waiting", "waiting"),
        ("sending", "sending"),
        ("resolving", "sending"),
        ("unknown", "unknown"),
        ("accepted", "sent"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("expired", "expired"),
        ("not_sent", "not_sent"),
    ],
)
async def test_what_was_taken_and_not_told_of_is_shown_as_the_dispatcher_has_it(
    storage: Pool, told: Told, state: str, status: str
) -> None:
    story = make_late()
    before = metrics.OVERDUE._value.get()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, known_as(story, state, reason="invalid_number"), clock.now()) as sweep:
        await sweep.turn()
        await sweep.turn()
    row = (await row_of(storage, story.request)).row
    assert row["status"] == status
    assert row["reason"] == ("invalid_number" if state in ("failed", "waiting") else None)
    assert told.errors == ["message_overdue"]
    assert metrics.OVERDUE._value.get() == before + 1


async def test_what_the_dispatcher_knows_of_the_provider_and_the_next_try_is_shown(storage: Pool) -> None:
    sent, waits = make_late(), make_late()
    due_at = clock.now() + timedelta(minutes=1)
    for story, jobs in (
        (sent, known_as(sent, "accepted", provider="twilio", provider_message_id="SM77", due_at=None)),
        (waits, known_as(waits, "waiting", reason="channel_paused", due_at=due_at.isoformat())),
    ):
        await record(make_recorder(storage), story.request)
        async with sweeping(storage, jobs, clock.now()) as sweep:
            await sweep.turn()
    row = (await row_of(storage, sent.request)).row
    assert (row["provider"], row["provider_message_id"]) == ("twilio", "SM77")
    row = (await row_of(storage, waits.request)).row
    assert (row["reason"], row["due_at"]) == ("channel_paused", due_at)


async def test_receipt_that_names_no_message_finds_the_one_that_was_looked_up(storage: Pool) -> None:
    story = make_late()
    taken = {"provider": "twilio", "provider_message_id": story.provider_message_id}
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, known_as(story, "accepted", **taken), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "sent"
    await record(make_recorder(storage), story.receipt(ReceiptStatus.DELIVERED, echoed=False))
    assert await status_of(storage, story) == "delivered"


async def test_what_stays_under_way_although_its_end_was_lost_is_found(storage: Pool) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request, story.started())
    async with sweeping(storage, known_as(story, "accepted"), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "sent"
    await record(make_recorder(storage), story.accepted())
    row = (await row_of(storage, story.request)).row
    assert row["provider_message_id"] == story.provider_message_id, "the event that was parked says more"


async def test_state_of_another_release_alerts_and_changes_nothing(storage: Pool, told: Told) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, known_as(story, "newer"), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "queued"
    assert told.errors == ["message_overdue"]


async def test_what_just_took_a_step_is_left_to_its_event(storage: Pool, told: Told) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, known_as(story, "accepted", since=clock.now().isoformat()), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "queued"
    assert told.errors == []


async def test_message_that_cannot_be_judged_does_not_keep_the_others_from_it(storage: Pool, told: Told) -> None:
    broken, story = make_late(seconds=7200), make_late()
    await record(make_recorder(storage), broken.request, story.request)
    await storage.execute(
        "UPDATE tracker.entry SET source = 'newer' WHERE message_id = $1", broken.request.data.message_id
    )
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
        await sweep.turn()
    assert await status_of(storage, story) == "not_confirmed"
    assert await status_of(storage, broken) == "queued"
    assert sorted(told.errors) == ["message_not_judged", "message_not_taken"]


@pytest.mark.parametrize("status", [500, 401, 302, 204])
async def test_without_a_clear_answer_nothing_is_said(storage: Pool, status: int) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, FakeJobs(status=status), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "queued"


async def test_404_of_a_stranger_proves_nothing(storage: Pool) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, FakeJobs(content_type="text/html"), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "queued"


async def test_unreachable_dispatcher_says_nothing(storage: Pool) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, FakeJobs(), clock.now(), url="http://127.0.0.1:1") as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "queued"


@pytest.mark.parametrize("read_seconds_ago", [None, 3600])
async def test_what_may_have_results_in_the_queue_is_not_judged(storage: Pool, read_seconds_ago: int | None) -> None:
    story, jobs = make_late(seconds=600), FakeJobs()
    await record(make_recorder(storage), story.request)
    read_up_to = None if read_seconds_ago is None else clock.now() - timedelta(seconds=read_seconds_ago)
    async with sweeping(storage, jobs, read_up_to) as sweep:
        await sweep.turn()
    assert jobs.asked == []
    assert await status_of(storage, story) == "queued"


async def test_within_the_grace_nothing_is_judged(storage: Pool) -> None:
    story, jobs = make_late(seconds=30), FakeJobs()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
    assert jobs.asked == []


async def test_what_a_dispatcher_spoke_of_is_never_called_not_taken(storage: Pool, told: Told) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request, story.started())
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
    assert await status_of(storage, story) == "sending"
    assert told.errors == ["message_overdue"], "a dispatcher that knows nothing of what it began has lost its memory"


async def test_what_has_ended_is_not_asked_about(storage: Pool) -> None:
    story, jobs = make_late(), FakeJobs()
    await record(make_recorder(storage), story.request, story.unknown())
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
    assert jobs.asked == []


async def test_dispatcher_that_takes_it_after_all_overrides_the_finding(storage: Pool) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
    await record(make_recorder(storage), story.expired())
    assert await status_of(storage, story) == "expired"


async def waited(storage: Pool, minutes: int) -> None:
    """Everything that is known was learned so long ago."""
    await storage.execute("UPDATE tracker.entry SET recorded_at = now() - make_interval(mins => $1)", minutes)


@pytest.mark.parametrize("echoed", [True, False])
async def test_receipt_for_nobody_alerts_once_after_an_hour_and_is_matched_all_the_same(
    storage: Pool, told: Told, echoed: bool
) -> None:
    story = Story(make_request(at=clock.now()))
    receipt = story.receipt(ReceiptStatus.DELIVERED, echoed=echoed)
    counted = metrics.UNMATCHED
    before = counted._value.get()
    await record(make_recorder(storage), receipt)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await waited(storage, minutes=59)
        await sweep.turn()
        assert told.errors == []
        await waited(storage, minutes=61)
        await sweep.turn()
        await sweep.turn()
    assert told.errors == ["message_not_known"]
    assert story.provider_message_id not in told.words[0], "WhatsApp's hold the number"
    assert counted._value.get() == before + 1
    await record(make_recorder(storage), story.accepted(), story.request)
    assert await status_of(storage, story) == "delivered"


async def test_two_sweeps_alert_about_each_only_once(storage: Pool, told: Told) -> None:
    stories = [Story(make_request(at=clock.now())) for _ in range(8)]
    await record(
        make_recorder(storage),
        *(story.receipt(ReceiptStatus.SENT, echoed=bool(place % 2)) for place, story in enumerate(stories)),
    )
    await waited(storage, minutes=61)
    async with (
        sweeping(storage, FakeJobs(), clock.now()) as one,
        sweeping(storage, FakeJobs(), clock.now()) as other,
    ):
        await asyncio.gather(one.turn(), other.turn())
    assert told.errors == ["message_not_known"] * 8


async def test_result_whose_request_was_lost_alerts_with_its_message(storage: Pool, told: Told) -> None:
    await record(make_recorder(storage), Story(make_request()).accepted())
    await waited(storage, minutes=61)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
    assert told.errors == ["message_not_known"]


async def test_what_has_its_message_never_alerts(storage: Pool, told: Told) -> None:
    story = Story(make_request())
    await record(
        make_recorder(storage), story.request, story.receipt(ReceiptStatus.SENT, echoed=False), story.accepted()
    )
    await waited(storage, minutes=61)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
    assert told.errors == []


async def test_what_may_have_its_request_in_the_queue_does_not_alert(storage: Pool, told: Told) -> None:
    await record(make_recorder(storage), Story(make_request()).receipt(ReceiptStatus.SENT))
    await waited(storage, minutes=61)
    async with sweeping(storage, FakeJobs(), clock.now() - timedelta(minutes=5)) as sweep:
        await sweep.turn()
    assert told.errors == []
