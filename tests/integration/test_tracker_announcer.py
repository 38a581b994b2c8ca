"""Status events on their way out, against the real storage."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event
from runtime.amqp.publisher import NotPublished, Unconfirmed
from runtime.postgres import Pool
from status_tracker import metrics
from status_tracker.announcer import LEASE_SECONDS, Announcer
from status_tracker.handlers import Recorder
from tests.integration.tracker_support import announced, make_recorder, open_storage, record
from tests.unit.status_tracker.making import Story, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


class Bus:
    """A broker that remembers; `failing` lists what the next publishes raise."""

    def __init__(self, *failing: Exception) -> None:
        self.failing = list(failing)
        self.seen: list[Event[Any]] = []

    async def send_all(
        self, events: Sequence[tuple[Event[Any], bytes]], *, timeout: float = 5
    ) -> Sequence[Exception | None]:
        await asyncio.sleep(0)
        ends = [self.failing.pop(0) if self.failing else None for _ in events]
        self.seen += [decode(body) for (_, body), error in zip(events, ends, strict=True) if error is None]
        return ends

    @property
    def statuses(self) -> dict[UUID, list[str]]:
        found = defaultdict(list)
        for event in self.seen:
            found[event.data.message_id].append(str(event.data.status))
        return found


async def drain(*announcers: Announcer) -> None:
    while any(await asyncio.gather(*(announcer.turn() for announcer in announcers))):
        pass


async def test_changes_leave_in_order_and_then_are_gone(storage: Pool) -> None:
    story, bus = Story(make_request()), Bus()
    await record(make_recorder(storage), story.request, story.started(), story.accepted())
    await drain(Announcer(storage, bus))
    assert [str(event.data.status) for event in bus.seen] == ["queued", "sending", "sent"]
    assert await announced(storage) == []


async def test_what_was_not_confirmed_holds_back_its_successors_only(storage: Pool) -> None:
    first, second = Story(make_request()), Story(make_request(recipient="+4915112345679"))
    bus = Bus(Unconfirmed("lost"))
    await record(make_recorder(storage), first.request, first.accepted(), second.request)
    await drain(Announcer(storage, bus))
    assert bus.statuses == {second.request.data.message_id: ["queued"]}
    await storage.execute("UPDATE tracker.outgoing SET lease_until = '-infinity'")
    await drain(Announcer(storage, bus))
    assert bus.statuses[first.request.data.message_id] == ["queued", "sent"]


async def test_crash_between_publish_and_deletion_repeats_the_same_event(storage: Pool) -> None:
    story, bus = Story(make_request()), Bus()
    await record(make_recorder(storage), story.request)

    class Crash(BaseException):
        """The process ends here."""

    class Dying(Bus):
        async def send_all(
            self, events: Sequence[tuple[Event[Any], bytes]], *, timeout: float = 5
        ) -> Sequence[Exception | None]:
            bus.seen += [event for event, _ in events]
            raise Crash

    with pytest.raises(Crash):
        await Announcer(storage, Dying()).turn()
    await drain(Announcer(storage, bus))
    assert len(bus.seen) == 1, "the lease of the dead one still holds"
    await storage.execute("UPDATE tracker.outgoing SET lease_until = now() - interval '1 second'")
    await drain(Announcer(storage, bus))
    assert len({event.id for event in bus.seen}) == 1
    assert len(bus.seen) == 2


async def test_two_announcers_keep_the_order_of_each_recipient(storage: Pool) -> None:
    stories = [Story(make_request(recipient=f"+4915112345{number:03}")) for number in range(20)]
    recorder = make_recorder(storage)
    for story in stories:
        await record(recorder, story.request, story.started(), story.accepted())
    bus = Bus()
    await drain(Announcer(storage, bus), Announcer(storage, bus))
    assert bus.statuses == {story.request.data.message_id: ["queued", "sending", "sent"] for story in stories}


async def test_running_announcer_goes_on_after_the_broker_came_back(storage: Pool) -> None:
    story, bus = Story(make_request()), Bus(NotPublished("no connection"))
    async with Announcer(storage, bus, poll_seconds=0.05) as announcer:
        await record(make_recorder(storage), story.request, story.accepted())
        announcer.wake()
        async with asyncio.timeout(10):
            while len(bus.seen) < 2:
                await asyncio.sleep(0.02)
    assert bus.statuses[story.request.data.message_id] == ["queued", "sent"]


async def test_what_cannot_be_read_is_put_off_and_holds_back_nothing(storage: Pool) -> None:
    first, second = Story(make_request()), Story(make_request(recipient="+4915112345679"))
    await record(make_recorder(storage), first.request, first.accepted(), second.request)
    await storage.execute(
        """
        UPDATE tracker.outgoing SET event = jsonb_set(event, '{data,status}', '"of another release"')
        WHERE seq = (SELECT min(seq) FROM tracker.outgoing)
        """
    )
    before = metrics.UNREADABLE.labels("status_event")._value.get()
    bus = Bus()
    await drain(Announcer(storage, bus))
    assert bus.statuses == {second.request.data.message_id: ["queued"], first.request.data.message_id: ["sent"]}
    assert metrics.UNREADABLE.labels("status_event")._value.get() == before + 1
    assert len(await announced(storage)) == 1, "it stays for a release that can read it"


async def test_what_cannot_be_published_holds_back_nothing_either(storage: Pool) -> None:
    first, second = Story(make_request()), Story(make_request(recipient="+4915112345679"))
    await record(make_recorder(storage), first.request, second.request)
    bus = Bus(KeyError("a fault of our own"))
    await drain(Announcer(storage, bus))
    assert bus.statuses == {second.request.data.message_id: ["queued"]}
    await storage.execute("UPDATE tracker.outgoing SET lease_until = '-infinity'")
    await drain(Announcer(storage, bus))
    assert await announced(storage) == []


async def test_what_a_tracker_that_died_left_behind_is_announced_by_another_one_unasked(storage: Pool) -> None:
    story, bus = Story(make_request()), Bus()
    async with Announcer(storage, bus, poll_seconds=0.05):
        await asyncio.sleep(0.1)
        await record(make_recorder(storage), story.request)  # its own announcer never learns of it
        async with asyncio.timeout(10):
            while not bus.seen:
                await asyncio.sleep(0.02)
    assert bus.statuses == {story.request.data.message_id: ["queued"]}


async def test_what_was_just_written_leaves_at_once_and_in_order(storage: Pool) -> None:
    bus = Bus()
    stories = [Story(make_request(recipient=f"+4915112345{number % 7:03}")) for number in range(21)]
    async with Announcer(storage, bus, poll_seconds=60) as announcer:
        recorder = Recorder(storage, announcer.publish, LEASE_SECONDS)
        await asyncio.gather(*(record(recorder, story.request, story.accepted()) for story in stories))
        async with asyncio.timeout(10):
            while len(bus.seen) < 42 or await announced(storage):
                await asyncio.sleep(0.02)
    assert bus.statuses == {story.request.data.message_id: ["queued", "sent"] for story in stories}
    assert len(bus.seen) == 42


async def test_what_was_just_written_and_not_confirmed_is_told_later_and_in_order(storage: Pool) -> None:
    bus, story = Bus(Unconfirmed("lost")), Story(make_request())
    async with Announcer(storage, bus, poll_seconds=0.05) as announcer:
        recorder = Recorder(storage, announcer.publish, LEASE_SECONDS)
        await asyncio.gather(*(record(recorder, one) for one in (story.request, story.started(), story.accepted())))
        async with asyncio.timeout(10):
            while await announced(storage):
                await asyncio.sleep(0.02)
    assert bus.statuses == {story.request.data.message_id: ["queued", "sending", "sent"]}


async def test_what_a_tracker_died_with_is_told_by_another_one_once_its_lease_is_over(storage: Pool) -> None:
    bus, story = Bus(), Story(make_request())
    await record(Recorder(storage, lambda _in_line: None, LEASE_SECONDS), story.request, story.accepted())
    await drain(Announcer(storage, bus))
    assert bus.seen == []
    await storage.execute("UPDATE tracker.outgoing SET lease_until = now() WHERE lease_until > now()")
    await drain(Announcer(storage, bus))
    assert bus.statuses == {story.request.data.message_id: ["queued", "sent"]}


async def test_only_the_key_can_find_an_event_by_its_seq(storage: Pool) -> None:
    """Where all had been told when the table was vacuumed, the planner holds any index with it to be as good."""
    rows = await storage.fetch(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'tracker' AND tablename = 'outgoing' AND indexdef ~ 'seq'"
    )
    assert [row["indexname"] for row in rows] == ["outgoing_pkey"]
