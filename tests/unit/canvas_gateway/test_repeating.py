"""The same text to the same person a moment ago: asked once, before anything is sent."""

import asyncio
import time
from uuid import uuid4, uuid5

import pytest

from canvas_gateway.domain.history import Requester
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from tests.unit.canvas_gateway.builders import make_message, make_request
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose
from tests.unit.canvas_gateway.test_sending import TEXT, Dispatcher, accepts, fails

QUESTION = "Tom Becker sent this at 1:05PM. Send again?"
TOM = Requester(kind="admin", id="814861", name="Tom Becker")


def repeating(status: Status = Status.SENT, **changes: object) -> World:
    """A workspace in which Tom has just sent the same to Anna."""
    world = World()
    world.bus.answers = Dispatcher()
    earlier = make_request()
    world.history.put(make_message(earlier, requested_by=TOM, status=status, **changes))
    return world


async def asked(world: World, button: str = "compose.send") -> Agent:
    return await (await at_compose(world)).clicks(button, TEXT)


@pytest.mark.parametrize(
    ("button", "again", "opens"),
    [("compose.send", "again.send", False), ("compose.send_open", "again.send_open", True)],
)
async def test_either_button_asks_first_and_then_sends_what_was_asked_for(button: str, again: str, opens: bool) -> None:
    world = repeating()
    agent = await asked(world, button)
    assert (agent.outcome, agent.texts[0], world.bus.published) == ("again", QUESTION, [])
    await agent.clicks(again)
    assert agent.outcome == "sent"
    (request,) = world.bus.published
    assert request.data.message_id == world.clock.minted[0]
    assert (request.data.content.text, request.data.thread.open_new) == (TEXT["compose.text"], opens)


async def test_back_keeps_the_text_and_another_one_is_sent_without_a_question() -> None:
    world = repeating()
    agent = await asked(world)
    await agent.clicks("again.back")
    assert agent.outcome == "compose"
    assert agent.values == {"compose.phone": "+4915112345678", **TEXT}
    assert (await agent.clicks("compose.send", {"compose.text": "Another one"})).outcome == "sent"


async def test_send_again_clicked_ten_times_is_one_message() -> None:
    world = repeating()
    agent = await asked(world)
    request = agent.request("again.send")
    drawn = await asyncio.gather(*(world.panel.submit(request) for _ in range(10)))
    assert {one.outcome for one in drawn} == {"sent"}
    assert len({event.id for event in world.bus.published}) == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.NOT_SENT])
async def test_nobody_is_asked_about_what_was_certainly_not_sent(status: Status) -> None:
    assert (await asked(repeating(status))).outcome == "sent"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.WAITING, Status.UNKNOWN, Status.READ])
async def test_whatever_may_reach_them_is_asked_about(status: Status) -> None:
    agent = await asked(repeating(status))
    assert agent.outcome == "again"
    assert f"SMS · {status.label}" in agent.texts


async def test_other_number_is_another_person() -> None:
    world = repeating()
    agent = await at_compose(world)
    await agent.clicks("compose.send", {"compose.phone": "+306941234567", **TEXT})
    assert agent.outcome == "sent"
    assert world.history.questions == [("+306941234567", TEXT["compose.text"])]


async def test_form_with_refusals_asks_nothing() -> None:
    world = repeating()
    agent = await (await at_compose(world)).clicks("compose.send", {"compose.phone": "12", **TEXT})
    assert (agent.outcome, world.history.questions) == ("compose", [])


async def test_form_whose_message_is_known_is_not_asked_about_again() -> None:
    world = repeating()
    agent = await at_compose(world)
    before = agent.remembers()
    await agent.clicks("compose.send", TEXT)
    await agent.clicks("again.send")
    world.history.put(make_message(world.bus.published[0].data))
    agent.canvas = before
    assert (await agent.clicks("compose.send", TEXT)).outcome == "sent"


async def test_resend_is_not_asked_about_what_was_answered_before() -> None:
    world = repeating()
    agent = await asked(world)
    world.bus.answers = fails(FailureReason.UNREACHABLE)
    assert (await agent.clicks("again.send")).outcome == "failed"
    world.bus.answers = accepts
    assert (await agent.clicks("failed.resend")).outcome == "sent"


@pytest.mark.parametrize("way", ["failed", "details"])
async def test_resend_asks_about_what_somebody_else_sent_meanwhile(way: str) -> None:
    world = World()
    world.bus.answers = fails(FailureReason.UNREACHABLE)
    agent = await asked(world)
    assert agent.outcome == "failed"
    failed = world.bus.published[0].data
    world.history.put(make_message(failed, status=Status.FAILED, reason=FailureReason.UNREACHABLE))
    if way == "details":
        agent = await Agent(world).opens()
        await agent.walks(f"home.details:{failed.message_id}")
    toms = failed.model_copy(update={"message_id": uuid4()})
    world.history.put(make_message(toms, requested_by=TOM, status=Status.SENT))
    world.bus.answers = Dispatcher()
    await agent.clicks(f"{way}.resend")
    assert (agent.texts[0], len(world.bus.published)) == (QUESTION, 1)
    await agent.clicks("again.back")
    assert f"{way}.resend" in agent.ids
    await agent.clicks(f"{way}.resend")
    click = agent.request({"failed": "again.resend", "details": "again.resend_shown"}[way])
    drawn = await asyncio.gather(world.panel.submit(click), world.panel.submit(click))
    assert {one.outcome for one in drawn} == {"sent"}
    resent = {(one.data.message_id, one.data.resend_of) for one in world.bus.published[1:]}
    assert resent == {(uuid5(failed.message_id, "resend"), failed.message_id)}


async def test_resend_of_what_may_have_been_sent_is_not_asked_about_itself() -> None:
    world = World()
    message = make_message(status=Status.UNKNOWN)
    world.history.put(message)
    world.bus.answers = accepts
    agent = await Agent(world).opens()
    await agent.walks(f"home.details:{message.message_id}", "details.resend")
    assert agent.outcome == "sent"


async def test_history_that_is_away_costs_no_message() -> None:
    world = repeating()
    world.history.down = True
    assert (await asked(world)).outcome == "sent"


async def test_history_that_hangs_costs_a_second() -> None:
    world = repeating()
    agent = await at_compose(world)
    world.history.hangs = True
    began = time.monotonic()
    assert (await agent.clicks("compose.send", TEXT)).outcome == "sent"
    assert time.monotonic() - began < 2


async def test_question_survives_trouble_on_the_way() -> None:
    world = repeating()
    agent = await asked(world)
    world.directory.down = True
    await agent.clicks("again.send")
    assert agent.outcome == "directory_down"
    world.directory.down = False
    assert (await agent.clicks("trouble.back")).texts[0] == QUESTION
    assert (await agent.clicks("again.send")).outcome == "sent"
    assert len(world.bus.published) == 1
