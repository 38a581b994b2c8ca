"""The scheduler's loop: nothing ends it, and a stop lets what is in flight end."""

import asyncio
from contextlib import suppress

import pytest

from dispatcher import scheduler as module
from dispatcher.domain.states import Act
from dispatcher.gates import WorkerGates
from dispatcher.handlers import Dispatch
from dispatcher.ports import Claim, Room, Taken
from dispatcher.scheduler import Scheduler
from dispatcher.slots import Slots
from proactive_contracts.values import Channel, Lane
from tests.unit.dispatcher.builders import CHANNEL_ID, make_channel, make_job, make_request
from tests.unit.dispatcher.fakes import (
    FakeAnnouncements,
    FakeCalls,
    FakeChannels,
    FakeJobs,
    FakeProvider,
    FakeRecipients,
)
from tests.unit.dispatcher.senders import FakeSenders


def make_scheduler(jobs: FakeJobs, calls: FakeCalls, slots: int = 5, seconds: float = 0.01) -> Scheduler:
    gates = WorkerGates(FakeSenders(), FakeRecipients(), Slots(slots), Channel.SMS)
    dispatch = Dispatch(
        jobs,
        FakeChannels(make_channel()),
        {"twilio": FakeProvider()},
        calls,
        FakeAnnouncements(),
        webhooks_url="https://p.example",
        call_seconds=20,
        lease_seconds=60,
        gates=gates,
    )
    return Scheduler(jobs, dispatch, gates, Channel.SMS, seconds=seconds)


def make_due(jobs: FakeJobs) -> Claim:
    request = make_request()
    job = make_job(request)
    jobs.rows["w1", request.message_id] = job
    return Claim(job, Act.CALL, seconds_left=100)


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


class WatchedJobs(FakeJobs):
    """Notes what room it is asked for, and tells when there may be more."""

    def __init__(self, *answers: Taken) -> None:
        super().__init__()
        self.rooms: list[Room] = []
        self.answers = list(answers)

    async def take_due(self, channel: Channel, room: Room) -> Taken:
        self.rooms.append(room)
        return self.answers.pop(0) if self.answers else Taken([])


async def test_what_runs_leaves_less_room() -> None:
    jobs, calls = WatchedJobs(), FakeCalls(seconds=0.2)
    jobs.answers = [Taken([make_due(jobs), make_due(jobs)])]
    async with make_scheduler(jobs, calls, slots=5):
        await until(lambda: len(jobs.rooms) == 2)
        assert [room.slots for room in jobs.rooms] == [5, 3]
        await until(lambda: len(jobs.told) == 2)
        seen = len(jobs.rooms)
        await until(lambda: len(jobs.rooms) > seen)
    assert jobs.rooms[-1].slots == 5


async def test_it_looks_when_a_sender_has_room_again() -> None:
    jobs = WatchedJobs(Taken([], next_seconds=0.05))
    async with make_scheduler(jobs, FakeCalls(), seconds=30):
        await until(lambda: len(jobs.rooms) == 2)


@pytest.mark.parametrize("lane", Lane)
async def test_it_looks_when_something_has_to_wait(lane: Lane) -> None:
    jobs = WatchedJobs()
    scheduler = make_scheduler(jobs, FakeCalls(), seconds=30)
    async with scheduler:
        await until(lambda: len(jobs.rooms) == 1)
        scheduler.gates.waiting(lane)
        await until(lambda: len(jobs.rooms) == 2)


async def test_it_looks_when_a_slot_is_free_and_more_is_due() -> None:
    jobs, calls = WatchedJobs(), FakeCalls(seconds=0.1)
    jobs.answers = [Taken([make_due(jobs)], hungry=frozenset({CHANNEL_ID}))]
    async with make_scheduler(jobs, calls, seconds=30):
        await until(lambda: len(jobs.rooms) == 2)


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
