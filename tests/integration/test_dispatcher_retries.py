"""What could not leave is tried again while it may, people are told, and can stop it: on a real broker and database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import CancelRequested, SendRequested
from proactive_contracts.results import SendCancelled, SendDeferred
from proactive_contracts.values import Lane, Service
from runtime import clock
from tests.integration.dispatcher_scene import Scene, set_scene, until

BUSY = {"code": 20429, "message": "Too many requests"}


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "retries.log") as ready:
        yield ready


def first(count: int, status: int, body: object, **headers: str) -> Callable[[web.Request], web.StreamResponse]:
    """Answer like this so many times, then take it."""
    left = [count]

    def behave(_request: web.Request) -> web.StreamResponse:
        left[0] -= 1
        if left[0] >= 0:
            return web.json_response(body, status=status, headers=headers)
        return web.json_response({"sid": f"SM{uuid4().hex}"}, status=201)

    return behave


def make_cancel(scene: Scene, event: Event[SendRequested], *, answers: bool = True) -> Event[CancelRequested]:
    asked = CancelRequested(
        message_id=event.data.message_id,
        workspace_id=event.data.workspace_id,
        channel=event.data.channel,
        channel_id=event.data.channel_id,
        requested_by=Service(name="stopper"),
        answers=event.id if answers else None,
    )
    return make_event(asked, id=uuid4(), time=clock.now(), source="test")


def words(scene: Scene, event: Event[SendRequested]) -> list[str]:
    return [word for word in scene.told.words(event.data.message_id) if word != "send_started"]


async def test_throttled_message_waits_as_long_as_the_provider_says_and_is_sent(scene: Scene) -> None:
    scene.twilio.behave = first(2, 429, BUSY, **{"Retry-After": "1"})
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        told = await scene.told.result_of(event, count=3)
    assert words(scene, event) == ["send_deferred", "send_deferred", "send_accepted"]
    assert told.data.attempt == 3
    times = [submission.at for submission in scene.twilio.ledger]
    assert [later - earlier > 0.99 for earlier, later in pairwise(times)] == [True, True]
    assert await scene.database.fetchval("SELECT tries FROM dispatch.job") == 0, "throttled attempts are not counted"


@pytest.mark.parametrize("retry_after", ["garbage", "-1", "1000000000", "Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_retry_after_of_any_kind_is_told_within_reason(scene: Scene, retry_after: str) -> None:
    scene.twilio.behave = first(1, 429, BUSY, **{"Retry-After": retry_after})
    event = scene.request(seconds=3600)
    async with scene.worker():
        await scene.publish(event)
        told = (await scene.told.result_of(event)).data
    assert isinstance(told, SendDeferred)
    assert (told.reason, told.provider_code) == (FailureReason.PROVIDER_BUSY, "20429")
    waits = (told.due_at - clock.now()).total_seconds()
    assert -5 < waits < 5 or 890 < waits <= 900


async def test_provider_that_comes_back_gets_it_once(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker():
        await scene.twilio.__aexit__()
        await scene.publish(event)
        deferred = (await scene.told.result_of(event)).data
        assert isinstance(deferred, SendDeferred)
        assert (deferred.reason, deferred.attempt) == (FailureReason.PROVIDER_UNREACHABLE, 1)
        await scene.twilio.__aenter__()
        await scene.until_state(event, "accepted")
        await until(lambda: words(scene, event)[-1:] == ["send_accepted"], "the acceptance")
    assert scene.twilio.count(event.data.message_id) == 1
    assert await scene.database.fetchval("SELECT tries > 0 FROM dispatch.job")


async def test_message_that_cannot_leave_in_time_ends_by_its_not_after_with_the_reason(scene: Scene) -> None:
    event = scene.request(seconds=4)
    async with scene.worker():
        await scene.twilio.__aexit__()
        await scene.publish(event)
        await until(lambda: set(words(scene, event)) & {"send_failed", "send_expired"}, "the end")
        assert clock.now() <= event.data.not_after + timedelta(seconds=2)
    assert words(scene, event)[0] == "send_deferred"
    assert scene.twilio.ledger == []


async def test_deferred_message_can_be_stopped(scene: Scene) -> None:
    scene.twilio.behave = first(9, 429, BUSY, **{"Retry-After": "2"})
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await scene.told.result_of(event)
        cancel = make_cancel(scene, event)
        await scene.publish(cancel)
        told = await scene.told.result_of(event, count=2)
        assert isinstance(told.data, SendCancelled)
        assert told.data.requested_by == cancel.data.requested_by
        await asyncio.sleep(2.5)
    assert scene.twilio.count(event.data.message_id) == 1
    assert await scene.state(event) == "cancelled"


async def test_message_under_way_cannot_be_stopped_and_says_so(scene: Scene) -> None:
    scene.twilio.seconds = 0.8
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await until(lambda: scene.twilio.ledger, "the call")
        await scene.publish(make_cancel(scene, event))
        await until(lambda: "send_started" in scene.told.words(event.data.message_id), "that it has begun")
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"


async def test_sent_message_cannot_be_stopped_and_has_its_result_told_again(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        accepted = await scene.told.result_of(event)
        await scene.publish(make_cancel(scene, event))
        again = await scene.told.result_of(event, count=2)
    assert again == accepted


@pytest.mark.parametrize("answers", [True, False])
async def test_cancel_that_overtakes_its_request_stops_it(scene: Scene, answers: bool) -> None:
    event = scene.request()
    cancel = make_cancel(scene, event, answers=answers)
    async with scene.worker():
        await scene.publish(cancel)
        await scene.until_state(event, "cancelled")
        await scene.publish(event, Lane.BULK)
        await until(lambda: event.id in {told.causationid for told in scene.told.events}, "the answer to the request")
        if not answers:
            assert cancel.id in {told.causationid for told in scene.told.events}
    assert set(scene.told.words(event.data.message_id)) == {"send_cancelled"}
    assert scene.twilio.ledger == []
