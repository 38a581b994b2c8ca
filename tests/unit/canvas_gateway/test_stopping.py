"""Stop trying: what is put off is stopped once, or the screen tells what it is now."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from canvas_gateway.domain.outcome import Published
from canvas_gateway.handlers import asking as asking_module
from proactive_contracts.codec import encode
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import CancelRequested
from proactive_contracts.results import (
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Model
from runtime import clock
from tests.unit.canvas_gateway.builders import MARIA, NOW, make_message, make_result
from tests.unit.canvas_gateway.fakes import World, at_compose
from tests.unit.canvas_gateway.jobs import ACCEPTED, DEFERRED, NOT_KNOWN, STOPPED, TOM, Job, told
from tests.unit.canvas_gateway.test_sending import TEXT


async def test_deferral_says_until_when_and_why_and_is_refreshed() -> None:
    world = World()
    job = Job(SendDeferred, **DEFERRED)
    agent = await told(world, job)
    assert agent.outcome == "deferred"
    assert agent.texts[:2] == [
        "Not sent yet. We try again until 1:20PM.",
        "The provider had too much to do and did not take it.",
    ]
    assert {"deferred.refresh", "deferred.stop", "deferred.done"} <= set(agent.ids)
    assert (await agent.clicks("deferred.refresh")).outcome == "deferred"
    job.become(SendAccepted, **ACCEPTED)
    assert (await agent.clicks("deferred.refresh")).outcome == "sent"
    assert len({event.id for event in world.bus.published}) == 1


async def test_what_is_tried_again_at_once_is_waited_for() -> None:
    world = World(wait_seconds=3)
    agent = await at_compose(world)

    def put_off_then_sent(event: Event[Any]) -> Sequence[Event[Any]]:
        deferred = make_result(event.data, SendDeferred, **DEFERRED | {"due_at": NOW + timedelta(seconds=1)})
        return [deferred, make_result(event.data, SendAccepted, **ACCEPTED)]

    world.bus.answers = put_off_then_sent
    assert (await agent.clicks("compose.send", TEXT)).outcome == "sent"


async def test_what_was_put_off_and_not_sent_meanwhile_is_deferred() -> None:
    agent = await told(World(), Job(SendDeferred, **DEFERRED | {"due_at": NOW}))
    assert agent.outcome == "deferred"


async def test_stop_is_published_for_the_request_and_told() -> None:
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    await agent.clicks("deferred.stop")
    assert (agent.outcome, agent.texts[0]) == ("stopped", STOPPED)
    request, stop = world.bus.published
    assert isinstance(stop.data, CancelRequested)
    assert stop.data.answers == request.id == request_id(request.data)
    assert stop.data.requested_by == Admin(id=MARIA.id, name=MARIA.name)
    assert stop.data.result_route == world.results.route
    assert (stop.data.message_id, stop.data.channel_id) == (request.data.message_id, request.data.channel_id)
    assert (await agent.clicks("stopped.done")).outcome == "home"


async def test_two_clicks_and_two_panels_stop_once() -> None:
    world = World()
    job = Job(SendDeferred, **DEFERRED)
    agent = await told(world, job)
    click = agent.request("deferred.stop")
    drawn = await asyncio.gather(*(world.panel.submit(click) for _ in range(5)))
    assert {one.outcome for one in drawn} == {"stopped"}
    world.clock.at += timedelta(minutes=1)
    assert (await world.panel.submit(click)).outcome == "stopped"
    assert job.changes == [SendCancelled]


TOO_LATE: list[tuple[type[Model], dict[str, Any], str, str]] = [
    (SendStarted, {}, "sending", "It is being handed to the provider. It will not be tried again."),
    (SendAccepted, ACCEPTED, "sent", "It had left already: it could not be stopped."),
    (SendUnknown, {}, "unknown", "It may have left already: it cannot be stopped."),
    (SendFailed, {"reason": FailureReason.UNREACHABLE}, "failed", "The phone could not be reached."),
    (SendExpired, {"not_after": NOW}, "failed", "It could not leave in time. Nothing was sent."),
    (SendCancelled, {"requested_by": TOM}, "stopped", STOPPED),
    (SendResolved, {"verdict": "sent", "requested_by": TOM}, "sent", "A teammate marked it as sent."),
]


@pytest.mark.parametrize(("kind", "fields", "screen", "words"), TOO_LATE)
async def test_stop_that_came_too_late_tells_what_it_is_now(
    kind: type[Model], fields: dict[str, Any], screen: str, words: str
) -> None:
    world = World()
    job = Job(SendDeferred, **DEFERRED)
    agent = await told(world, job)
    job.become(kind, **fields)
    await agent.clicks("deferred.stop")
    assert agent.outcome == screen
    assert words in agent.texts
    assert job.changes == []


async def test_older_deferral_is_no_answer_to_a_stop() -> None:
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    request = world.bus.published[0].data
    world.bus.answers = lambda _event: [make_result(request, SendDeferred, **DEFERRED)]
    await agent.clicks("deferred.stop")
    assert agent.outcome == "deciding"
    assert NOT_KNOWN in agent.texts


@pytest.mark.parametrize(
    ("says", "line"),
    [
        (Published.CONFIRMED, "None of our senders has answered yet."),
        (Published.UNCONFIRMED, "Not confirmed by our queue yet. We keep trying."),
        (Published.NOT_PUBLISHED, "Not confirmed by our queue yet. We keep trying."),
        (Published.UNROUTABLE, "No sender of ours is there to take it. Tell your administrator; then refresh."),
    ],
)
async def test_stop_without_answer_claims_nothing_and_refresh_publishes_the_same_again(
    says: Published, line: str
) -> None:
    world = World()
    job = Job(SendDeferred, **DEFERRED)
    agent = await told(world, job)
    world.bus.says = says
    world.bus.answers = lambda _event: []
    await agent.clicks("deferred.stop")
    assert agent.outcome == "deciding"
    assert [NOT_KNOWN, line] == agent.texts[1:3]
    world.clock.at += timedelta(minutes=1)
    assert (await agent.clicks("deciding.refresh")).outcome == "deciding"
    world.bus.says = Published.CONFIRMED
    world.bus.answers = job
    assert (await agent.clicks("deciding.refresh")).outcome == "stopped"
    _, first, second, third = world.bus.published
    assert first == second == third
    assert job.changes == [SendCancelled]
    await world.asking.drain()


async def test_unconfirmed_stop_is_published_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    world.bus.says = Published.NOT_PUBLISHED
    await agent.clicks("deferred.stop")
    world.bus.says = Published.CONFIRMED
    await asyncio.sleep(0.2)
    assert isinstance(world.bus.published[-1].data, CancelRequested)
    assert len(world.bus.published) == 3
    await world.asking.drain()


@pytest.mark.parametrize(
    ("status", "screen"),
    [
        (Status.CANCELLED, "stopped"),
        (Status.DELIVERED, "sent"),
        (Status.UNKNOWN, "unknown"),
        (Status.EXPIRED, "failed"),
        (Status.WAITING, "deciding"),
    ],
)
async def test_refresh_of_an_unanswered_stop_believes_a_history_that_settles_it(status: Status, screen: str) -> None:
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    world.bus.answers = lambda _event: []
    await agent.clicks("deferred.stop")
    published = len(world.bus.published)
    world.history.put(make_message(world.bus.published[0].data, status=status))
    await agent.clicks("deciding.refresh")
    assert agent.outcome == screen
    assert len(world.bus.published) - published == (screen == "deciding")


async def test_what_history_says_of_another_version_answers_no_stop() -> None:
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    world.bus.answers = lambda _event: []
    await agent.clicks("deferred.stop")
    world.history.put(make_message(world.bus.published[0].data, event_id=uuid4(), status=Status.DELIVERED))
    assert (await agent.clicks("deciding.refresh")).outcome == "deciding"


async def test_refresh_of_an_unanswered_stop_asks_where_history_cannot_be_read() -> None:
    world = World()
    job = Job(SendDeferred, **DEFERRED)
    agent = await told(world, job)
    world.bus.answers = lambda _event: []
    world.history.down = True
    await agent.clicks("deferred.stop")
    assert (await agent.clicks("deciding.refresh")).outcome == "deciding"
    world.bus.answers = job
    assert (await agent.clicks("deciding.refresh")).outcome == "stopped"


async def test_refresh_of_a_stopped_message_tells_it() -> None:
    world = World()
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    world.history.put(make_message(world.bus.published[0].data, status=Status.CANCELLED))
    assert (await agent.clicks("deferred.refresh")).outcome == "stopped"


async def test_answer_that_comes_before_the_confirm_counts() -> None:
    world = World(wait_seconds=0.5)
    agent = await told(world, Job(SendDeferred, **DEFERRED))
    request = world.bus.published[0].data
    world.bus.hangs = True

    async def answer_soon() -> None:
        while len(world.bus.published) < 2:
            await asyncio.sleep(0.01)
        world.results.on_message(encode(make_result(request, SendCancelled, requested_by=TOM)))

    await asyncio.gather(answer_soon(), agent.clicks("deferred.stop"))
    assert agent.outcome == "stopped"
    await world.asking.drain()
