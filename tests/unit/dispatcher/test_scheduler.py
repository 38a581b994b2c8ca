"""The scheduler's loop: nothing ends it, and a stop lets what is in flight end."""

import asyncio
from contextlib import suppress

import pytest

from dispatcher import scheduler as module
from dispatcher.handlers import Dispatch
from dispatcher.ports import Claim
from dispatcher.scheduler import Scheduler
from proactive_contracts.values import Channel
from tests.unit.dispatcher.builders import make_channel, make_job, make_request
from tests.unit.dispatcher.fakes import FakeAnnouncements, FakeCalls, FakeChannels, FakeJobs, FakeProvider


def make_scheduler(jobs: FakeJobs, calls: FakeCalls, slots: int = 5) -> Scheduler:
    dispatch = Dispatch(
        jobs,
        FakeChannels(make_channel()),
        {"twilio": FakeProvider()},
        calls,
        FakeAnnouncements(),
        webhooks_url="https://p.example",
        call_seconds=20,
        lease_seconds=60,
    )
    return Scheduler(jobs, dispatch, Channel.SMS, seconds=0.01, slots=slots)


def make_due(jobs: FakeJobs) -> Claim:
    request = make_request()
    job = make_job(request)
    jobs.rows["w1", request.message_id] = job
    return Claim(job, fresh=True, seconds_left=100)


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("trouble", [ConnectionRefusedError("no database"), ValueError("a row that cannot be read")])
async def test_failed_round_is_followed_by_the_next(trouble: Exception) -> None:
    jobs, calls = FakeJobs(), FakeCalls()
    jobs.due = [trouble, trouble, [make_due(jobs)]]
    async with make_scheduler(jobs, calls):
        await until(lambda: jobs.told == [2])
    assert len(calls.requests) == 1


async def test_failed_job_does_not_stop_the_others() -> None:
    jobs, calls = FakeJobs(), FakeCalls()
    broken = make_due(jobs)
    jobs.rows.pop(("w1", broken.job.message_id))  # its outcome finds no row
    jobs.due = [[broken, make_due(jobs)], [make_due(jobs)]]
    async with make_scheduler(jobs, calls):
        await until(lambda: len(jobs.told) == 2)


async def test_slots_bound_what_runs_at_once() -> None:
    jobs, calls = FakeJobs(), FakeCalls(seconds=0.05)
    jobs.due = [[make_due(jobs), make_due(jobs), make_due(jobs)], [make_due(jobs)]]
    scheduler = make_scheduler(jobs, calls, slots=2)
    async with scheduler:
        await until(lambda: calls.requests)
        assert len(calls.requests) == 2
        await until(lambda: len(jobs.told) == 3)


async def test_stop_lets_a_call_end() -> None:
    jobs, calls = FakeJobs(), FakeCalls(seconds=0.2)
    jobs.due = [[make_due(jobs)]]
    async with make_scheduler(jobs, calls):
        await until(lambda: calls.requests)
    assert jobs.told == [2]


async def test_stop_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.05)
    jobs, calls = FakeJobs(), FakeCalls()
    jobs.due = [[make_due(jobs)]]
    jobs.troubles = [ConnectionRefusedError()] * 1000  # the database stays away
    async with asyncio.timeout(2):
        async with make_scheduler(jobs, calls):
            await until(lambda: calls.requests)
    assert jobs.told == []
    with suppress(IndexError):
        jobs.troubles.pop()
