"""What may have been sent: a teammate's verdict, or the truth that came first."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from canvas_gateway.domain.history import Entry
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import ResolveRequested
from proactive_contracts.results import (
    SendAccepted,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, Model
from tests.unit.canvas_gateway.builders import MARIA, NOW, make_message, make_result
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose
from tests.unit.canvas_gateway.jobs import ACCEPTED, TOM, Job, told
from tests.unit.canvas_gateway.test_sending import TEXT


@pytest.mark.parametrize(
    ("mark", "verdict", "screen", "words"),
    [
        ("unknown.mark_sent", "sent", "sent", "A teammate marked it as sent."),
        ("unknown.mark_not_sent", "not_sent", "failed", "A teammate confirmed that it was not sent."),
    ],
)
async def test_verdict_is_published_and_told(mark: str, verdict: str, screen: str, words: str) -> None:
    world = World()
    job = Job(SendUnknown)
    agent = await told(world, job)
    click = agent.request(mark)
    await agent.clicks(mark)
    assert agent.outcome == screen
    assert words in agent.texts
    assert ("failed.resend" in agent.ids) is (verdict == "not_sent")
    asked = world.bus.published[1].data
    assert isinstance(asked, ResolveRequested)
    assert (asked.verdict, asked.requested_by) == (verdict, Admin(id=MARIA.id, name=MARIA.name))
    drawn = await asyncio.gather(world.panel.submit(click), world.panel.submit(click))
    assert {one.outcome for one in drawn} == {screen}


@pytest.mark.parametrize("mark", ["unknown.mark_sent", "unknown.mark_not_sent"])
@pytest.mark.parametrize(
    ("kind", "fields", "screen", "words"),
    [
        (SendAccepted, ACCEPTED, "sent", "The provider confirmed it meanwhile."),
        (SendFailed, {"reason": FailureReason.UNREACHABLE}, "failed", "The phone could not be reached."),
        (SendStarted, {}, "sending", "It is being handed to the provider."),
    ],
)
async def test_verdict_on_what_is_known_by_now_tells_that(
    mark: str, kind: type[Model], fields: dict[str, Any], screen: str, words: str
) -> None:
    world = World()
    job = Job(SendUnknown)
    agent = await told(world, job)
    job.become(kind, **fields)
    await agent.clicks(mark)
    assert agent.outcome == screen
    assert words in agent.texts
    assert job.changes == []


async def test_unknown_said_before_is_no_answer_to_a_verdict_and_another_teammates_is_only_the_last_word() -> None:
    world = World()
    agent = await told(world, Job(SendUnknown))
    request = world.bus.published[0].data
    by_tom = make_result(request, SendResolved, verdict="not_sent", requested_by=TOM)
    by_maria = make_result(request, SendResolved, verdict="sent", requested_by=Admin(id=MARIA.id, name=MARIA.name))
    click = agent.request("unknown.mark_sent")
    world.bus.answers = lambda _event: [make_result(request, SendUnknown)]
    assert (await world.panel.submit(click)).outcome == "deciding"
    world.bus.answers = lambda _event: [by_tom, by_maria]
    assert (await world.panel.submit(click)).outcome == "sent"
    world.bus.answers = lambda _event: [by_tom]
    assert (await world.panel.submit(click)).outcome == "failed"


async def test_verdict_without_answer_is_told_by_history() -> None:
    world = World()
    agent = await told(world, Job(SendUnknown))
    request = world.bus.published[0].data
    world.bus.answers = lambda _event: []
    await agent.clicks("unknown.mark_sent")
    assert agent.texts[:2] == ["Marking as sent…", "It is not known yet whether it could be marked as sent."]
    verdict = Entry(at=NOW, event="send_resolved", status=Status.SENT, source="person")
    world.history.put(make_message(request, timeline=(verdict,)))
    await agent.clicks("deciding.refresh")
    assert agent.outcome == "sent"
    assert "A teammate marked it as sent." in agent.texts


async def test_sent_by_a_verdict_waits_for_its_conversation() -> None:
    world = World()
    world.bus.answers = Job(SendUnknown)
    agent = await (await at_compose(world)).clicks("compose.send_open", TEXT)
    await agent.clicks("unknown.mark_sent")
    assert "The message is sent. The conversation is not open yet." in agent.texts
    verdict = Entry(at=NOW, event="send_resolved", status=Status.SENT, source="person")
    opened = {"open_new": True, "opened_conversation_ids": ("215470010",), "timeline": (verdict,)}
    world.history.put(make_message(world.bus.published[0].data, **opened))
    await agent.clicks("sent.refresh")
    assert {"Opened a new conversation:", "A teammate marked it as sent."} <= set(agent.texts)


async def not_taken(world: World) -> Agent:
    agent = await told(world, Job())
    world.history.put(make_message(world.bus.published[0].data, status=Status.NOT_CONFIRMED))
    world.clock.at += timedelta(minutes=16)
    return await agent.clicks("sending.refresh")


async def test_what_no_dispatcher_took_offers_a_stop_and_no_verdict() -> None:
    world = World()
    agent = await not_taken(world)
    assert "None of our senders took it in time." in agent.texts
    assert "unknown.stop" in agent.ids
    assert "unknown.mark_sent" not in agent.ids
    assert (await agent.clicks("unknown.stop")).outcome == "stopped"


async def test_verdict_where_none_is_offered_does_nothing() -> None:
    world = World()
    agent = await not_taken(world)
    published = len(world.bus.published)
    assert (await agent.clicks("unknown.mark_not_sent")).outcome == "other_screen"
    assert len(world.bus.published) == published


async def test_what_was_taken_after_all_is_told_instead_of_stopped() -> None:
    world = World()
    agent = await not_taken(world)
    world.bus.answers = Job(SendAccepted, **ACCEPTED)
    await agent.clicks("unknown.stop")
    assert agent.outcome == "sent"


async def test_resend_after_a_verdict_is_one_message() -> None:
    world = World()
    agent = await told(world, Job(SendUnknown))
    await agent.clicks("unknown.mark_not_sent")
    world.bus.answers = lambda event: [make_result(event.data, SendAccepted, **ACCEPTED)]
    await agent.clicks("failed.resend")
    assert agent.outcome == "sent"
    assert world.bus.published[-1].data.resend_of == world.bus.published[0].data.message_id
    assert agent.canvas["stored_data"]["state"].count('"decision"') == 0
