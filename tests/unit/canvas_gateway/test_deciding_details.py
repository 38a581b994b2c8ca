"""The same decisions from the details of a sent message."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from canvas_gateway.domain.history import Entry, Message
from canvas_gateway.domain.outcome import Published
from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import CancelRequested
from proactive_contracts.results import (
    SendCancelled,
    SendDeferred,
    SendUnknown,
)
from proactive_contracts.status import Status
from tests.unit.canvas_gateway.builders import NOW, make_message, make_request, make_result
from tests.unit.canvas_gateway.fakes import Agent, World
from tests.unit.canvas_gateway.jobs import DEFERRED, NOT_KNOWN, Job


async def at_details(world: World, message: Message) -> Agent:
    world.history.put(message)
    return await (await Agent(world).opens()).clicks(f"home.details:{message.message_id}")


TEMPLATE = {"kind": "template", "text": None, "contact": None}


@pytest.mark.parametrize("changes", [{}, TEMPLATE], ids=["text", "template"])
async def test_details_of_what_waits_stop_it(changes: dict[str, Any]) -> None:
    world = World()
    message = make_message(status=Status.WAITING, reason=FailureReason.PROVIDER_BUSY, **changes)
    agent = await at_details(world, message)
    why = "The provider had too much to do and did not take it."
    assert f"Not sent yet. We try again until 1:20PM. {why}" in agent.texts
    assert "details.resend" not in agent.ids
    assert not any("none of our senders" in text for text in agent.texts)
    world.bus.answers = job = Job(SendDeferred, **DEFERRED)
    job.answers = message.event_id
    await agent.clicks("details.stop")
    assert agent.outcome == "details"
    assert {"type": "field-value", "field": "Status", "value": "Cancelled"} in agent.components[1]["items"]
    assert "details.stop" not in agent.ids
    (stop,) = world.bus.published
    assert isinstance(stop.data, CancelRequested)
    assert stop.data.answers == message.event_id
    assert any("Cancelled (our sender)" in text for text in agent.texts)
    assert (await agent.clicks("details.back")).outcome == "home"


async def test_details_wait_a_moment_for_the_history_to_tell_it() -> None:
    world = World(wait_seconds=1)
    agent = await at_details(world, make_message(status=Status.WAITING))
    by_maria = Entry(at=NOW, event="send_cancelled", status=Status.CANCELLED, source="dispatcher", detail="Stopped.")

    def stopped(event: Event[Any]) -> Sequence[Event[Any]]:
        world.history.put(make_message(status=Status.CANCELLED, timeline=(by_maria,)))
        return [make_result(make_request(), SendCancelled, requested_by=event.data.requested_by)]

    world.bus.answers = stopped
    await agent.clicks("details.stop")
    assert sum("Cancelled (our sender)" in text for text in agent.texts) == 1
    assert any("Stopped." in text for text in agent.texts)


@pytest.mark.parametrize(
    ("mark", "status", "words"),
    [
        ("details.mark_sent", "Sent", "A teammate marked it as sent."),
        (
            "details.mark_not_sent",
            "Not sent",
            "A teammate confirmed that it was not sent. Re-send it if it is still needed.",
        ),
    ],
)
async def test_details_of_what_is_unknown_take_a_verdict(mark: str, status: str, words: str) -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.UNKNOWN))
    world.bus.answers = job = Job(SendUnknown)
    job.answers = make_message().event_id
    await agent.clicks(mark)
    assert {"type": "field-value", "field": "Status", "value": status} in agent.components[1]["items"]
    assert words in agent.texts
    assert not {"details.mark_sent", "details.mark_not_sent"} & set(agent.ids)
    assert ("details.resend" in agent.ids) is (status == "Not sent")


async def test_sent_corrects_the_not_sent_that_another_teammate_said_meanwhile() -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.UNKNOWN))
    world.history.put(make_message(status=Status.NOT_SENT))
    world.bus.answers = job = Job(SendUnknown)
    job.answers = make_message().event_id
    await agent.clicks("details.mark_sent")
    assert {"type": "field-value", "field": "Status", "value": "Sent"} in agent.components[1]["items"]
    assert "A teammate marked it as sent." in agent.texts


async def test_stale_details_show_what_it_is_now_without_publishing() -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.WAITING))
    world.history.put(make_message(status=Status.DELIVERED))
    await agent.clicks("details.stop")
    assert "It had left already: it could not be stopped." in agent.texts
    assert world.bus.published == []


async def test_details_of_an_unanswered_stop_publish_it_again_on_refresh() -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.WAITING))
    world.bus.says = Published.NOT_PUBLISHED
    await agent.clicks("details.stop")
    assert agent.outcome == "details"
    assert NOT_KNOWN in agent.texts
    assert "details.refresh" in agent.ids
    world.clock.at += timedelta(minutes=1)
    world.bus.says = Published.CONFIRMED
    world.bus.answers = job = Job(SendDeferred, **DEFERRED)
    job.answers = make_message().event_id
    await agent.clicks("details.refresh")
    assert NOT_KNOWN not in agent.texts
    first, second = world.bus.published
    assert first == second
    published = len(world.bus.published)
    world.history.put(make_message(status=Status.CANCELLED))
    await agent.clicks("details.refresh")
    assert len(world.bus.published) == published
    await world.asking.drain()


async def test_unanswered_decision_is_forgotten_with_its_message() -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.WAITING))
    await agent.clicks("details.stop")
    assert len(world.bus.published) == 1
    await agent.walks("details.back", "home.history", agent_row(world), "details.refresh")
    assert NOT_KNOWN not in agent.texts
    assert len(world.bus.published) == 1


def agent_row(world: World) -> str:
    (message_id,) = world.history.messages
    return f"history.details:{message_id}"


async def test_details_that_cannot_be_read_publish_nothing() -> None:
    world = World()
    agent = await at_details(world, make_message(status=Status.WAITING))
    world.history.down = True
    assert (await agent.clicks("details.stop")).outcome == "history_down"
    world.history.down = False
    world.bus.answers = job = Job(SendDeferred, **DEFERRED)
    job.answers = make_message().event_id
    await agent.clicks("trouble.retry")
    assert agent.outcome == "details"
    assert job.changes == [SendCancelled]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"text": None, "text_removed_at": NOW, "text_kept_days": 30},
            "The text was removed on Nov 22, 2026 at 1:05PM (kept for 30 days).",
        ),
        (
            {"text": None, "text_removed_at": NOW, "erased_at": NOW, "recipient": "", "contact": None},
            "The customer's text, number and name were erased on Nov 22, 2026 at 1:05PM.",
        ),
    ],
)
async def test_details_say_what_was_removed_and_offer_no_resend(changes: dict[str, Any], said: str) -> None:
    agent = await at_details(World(), make_message(status=Status.EXPIRED, **changes))
    assert said in agent.texts
    assert "details.resend" not in agent.ids
    fields = {item["field"] for item in agent.components[1]["items"]}
    assert ("Number" in fields) == bool(changes.get("recipient", True))
