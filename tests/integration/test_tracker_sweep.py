"""What no dispatcher took is found, and nothing else is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from runtime import clock
from runtime.http import client_session
from runtime.postgres import Pool
from status_tracker.clients.dispatcher import DispatcherClient
from status_tracker.sweep import Sweep
from tests.integration.tracker_support import FakeJobs, announced, make_recorder, open_storage, record, row_of
from tests.unit.status_tracker.making import Story, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


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


async def test_what_the_dispatcher_has_is_left_alone(storage: Pool) -> None:
    story = make_late()
    jobs = FakeJobs(known={story.request.data.message_id})
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
        await sweep.turn()
    assert await status_of(storage, story) == "queued"
    assert len(jobs.asked) == 1, "it is not asked about in every turn"


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


async def test_what_a_dispatcher_spoke_of_is_never_judged(storage: Pool) -> None:
    story, jobs = make_late(), FakeJobs()
    await record(make_recorder(storage), story.request, story.started())
    async with sweeping(storage, jobs, clock.now()) as sweep:
        await sweep.turn()
    assert jobs.asked == []
    assert await status_of(storage, story) == "sending"


async def test_dispatcher_that_takes_it_after_all_overrides_the_finding(storage: Pool) -> None:
    story = make_late()
    await record(make_recorder(storage), story.request)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
    await record(make_recorder(storage), story.expired())
    assert await status_of(storage, story) == "expired"
