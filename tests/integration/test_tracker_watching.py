"""What operators see of the messages that are under way, and of those that ended."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from proactive_contracts.values import Lane
from runtime import clock
from runtime.http import client_session, serve
from runtime.postgres import Pool
from status_tracker.operators import operators_app
from tests.integration.test_tracker_sweep import sweeping
from tests.integration.tracker_support import FakeJobs, fact_of, make_recorder, open_storage
from tests.unit.status_tracker.making import Story, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


def story_of(seconds: float) -> Story:
    """A message that was asked for so long ago."""
    return Story(make_request(at=clock.now() - timedelta(seconds=seconds)))


def sample(name: str, lane: str, status: str) -> float:
    labels = {"channel": "sms", "lane": lane, "status": status}
    return REGISTRY.get_sample_value(f"proactive_tracker_{name}", labels) or 0


async def record_one_a_lane(storage: Pool) -> None:
    """An agent's and two services' messages that wait; one more of each was sent, by what another replica read."""
    recorder = make_recorder(storage)
    for seconds, lane in ((40, Lane.INTERACTIVE), (500, Lane.BULK), (100, Lane.BULK)):
        await recorder.record(fact_of(story_of(seconds).request, lane))
    for lane in Lane:
        story = story_of(2)
        await make_recorder(storage).record(fact_of(story.request, lane))
        await make_recorder(storage).record(fact_of(story.accepted()))


async def test_what_is_under_way_is_told_by_lane_with_its_oldest(storage: Pool) -> None:
    await record_one_a_lane(storage)
    app = operators_app(storage, [SecretStr("operators-token")])
    async with serve(app, "127.0.0.1", 0) as port, client_session(5) as session:
        url, bearer = f"http://127.0.0.1:{port}/v1/waiting", {"Authorization": "Bearer operators-token"}
        async with session.get(url) as refused, session.get(url, headers=bearer) as answer:
            assert refused.status == 401
            found = (await answer.json())["waiting"]
    seconds = [one.pop("oldest_seconds") for one in found]
    assert found == [
        {"channel": "sms", "lane": "bulk", "status": "queued", "messages": 2},
        {"channel": "sms", "lane": "interactive", "status": "queued", "messages": 1},
    ]
    assert seconds == [pytest.approx(500, abs=20), pytest.approx(40, abs=20)]


async def test_statuses_and_seconds_are_counted_by_lane_once(storage: Pool) -> None:
    names = [("messages_total", lane, status) for lane in Lane for status in ("queued", "sent")]
    names += [("message_seconds_count", lane, "sent") for lane in Lane]
    before = [sample(*name) for name in names]
    await record_one_a_lane(storage)
    assert [sample(*name) - old for name, old in zip(names, before, strict=True)] == [2, 1, 3, 1, 1, 1]


async def test_gauges_follow_what_is_under_way(storage: Pool) -> None:
    await record_one_a_lane(storage)
    async with sweeping(storage, FakeJobs(), clock.now()) as sweep:
        await sweep.turn()
        assert [sample("under_way", lane, "queued") for lane in Lane] == [1, 2]
        assert sample("under_way_oldest_seconds", "interactive", "queued") == pytest.approx(40, abs=20)
        await storage.execute("TRUNCATE tracker.message")
        await sweep.turn()
    assert [sample("under_way_oldest_seconds", lane, "queued") for lane in Lane] == [0, 0]
