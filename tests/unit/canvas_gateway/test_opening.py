"""Send & open: the message goes first, the screen tells truly whether its new conversation is there."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from canvas_gateway.domain.history import Entry, Message
from canvas_gateway.domain.values import Person
from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.results import SendAccepted
from proactive_contracts.status import Status
from tests.unit.canvas_gateway.builders import ANNA, NOW, make_message, make_result
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose
from tests.unit.canvas_gateway.test_sending import TEXT, accepts, fails

ADDRESS = "https://app.intercom.com/a/inbox/sandbox1/inbox/conversation/215470010"
NOT_YET = "The message is sent. The conversation is not open yet."


def remembered(world: World, **changes: Any) -> Message:
    """The history comes to know the message that was published last."""
    message = make_message(world.bus.published[-1].data, open_new=True, **changes)
    world.history.put(message)
    return message


async def sent(world: World) -> Agent:
    world.bus.answers = accepts
    return await (await at_compose(world)).clicks("compose.send_open", TEXT)


def links(agent: Agent) -> list[str]:
    return [part["action"]["url"] for part in agent.components if "url" in part.get("action", {})]


async def test_request_asks_for_a_new_conversation_with_the_contact() -> None:
    world = World()
    await sent(world)
    request = world.bus.published[0].data
    assert request.thread.open_new
    assert request.thread.conversation_id == "215470001"
    assert request.contact is not None
    assert (request.contact.id, request.contact.role) == (ANNA.id, "user")


async def test_plain_send_asks_for_none_and_says_nothing_of_one() -> None:
    world = World()
    world.bus.answers = accepts
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert not world.bus.published[0].data.thread.open_new
    assert "sent.refresh" not in agent.ids
    assert NOT_YET not in agent.texts


async def test_sent_shows_where_the_conversation_is_when_that_is_known_at_once() -> None:
    world = World()

    def accepts_and_opens(request: Event[Any]) -> Sequence[Event[Any]]:
        opened = ("215470010",)
        world.history.put(make_message(request.data, open_new=True, opened_conversation_ids=opened))
        return [make_result(request.data, SendAccepted, provider="twilio", provider_message_id="SM1")]

    world.bus.answers = accepts_and_opens
    agent = await (await at_compose(world)).clicks("compose.send_open", TEXT)
    assert agent.texts[0] == "✅ Message sent!"
    assert "Opened a new conversation:" in agent.texts
    assert links(agent) == [ADDRESS]
    assert "sent.refresh" not in agent.ids
    assert (await agent.clicks("sent.done")).outcome == "home"


async def test_sent_says_that_it_is_not_open_yet_until_it_is() -> None:
    world = World()
    agent = await sent(world)
    assert agent.outcome == "sent"
    assert NOT_YET in agent.texts
    remembered(world)
    await agent.clicks("sent.refresh")
    assert NOT_YET in agent.texts
    remembered(world, opened_conversation_ids=("215470010",), status=Status.DELIVERED)
    await agent.clicks("sent.refresh")
    assert NOT_YET not in agent.texts
    assert links(agent) == [ADDRESS]
    assert len(world.bus.published) == 1


async def test_two_conversations_are_both_shown() -> None:
    world = World()
    agent = await sent(world)
    remembered(world, opened_conversation_ids=("1", "2"))
    await agent.clicks("sent.refresh")
    assert "Opened new conversations:" in agent.texts
    assert len(links(agent)) == 2


async def test_refusal_for_good_says_why() -> None:
    world = World()
    agent = await sent(world)
    remembered(world, open_failure="Intercom refused it (422 parameter_invalid).")
    await agent.clicks("sent.refresh")
    assert "The new conversation could not be opened." in agent.texts
    assert "Intercom refused it (422 parameter_invalid)." in agent.texts
    assert agent.texts[0] == "✅ Message sent!"
    assert "sent.refresh" not in agent.ids


async def test_refresh_never_makes_a_sent_message_less_sent() -> None:
    world = World()
    agent = await sent(world)
    world.clock.at += timedelta(hours=1)
    await agent.clicks("sent.refresh")
    assert (agent.outcome, NOT_YET in agent.texts) == ("sent", True)
    remembered(world, status=Status.QUEUED)
    assert (await agent.clicks("sent.refresh")).outcome == "sent"
    world.history.down = True
    assert (await agent.clicks("sent.refresh")).outcome == "history_down"
    assert (await agent.clicks("trouble.back")).outcome == "sent"
    assert len(world.bus.published) == 1


async def test_refresh_tells_of_a_failure_that_was_reported_later() -> None:
    world = World()
    agent = await sent(world)
    remembered(world, status=Status.FAILED, reason=FailureReason.UNREACHABLE)
    assert (await agent.clicks("sent.refresh")).outcome == "failed"


async def test_other_button_with_the_same_text_is_another_version() -> None:
    world = World()
    agent = await at_compose(world)
    plain, opening = agent.request("compose.send", TEXT), agent.request("compose.send_open", TEXT)
    await world.panel.submit(plain)
    await world.panel.submit(opening)
    first, second = world.bus.published
    assert first.data.message_id == second.data.message_id
    assert first.id != second.id


async def test_resend_keeps_the_wish_on_both_ways_and_is_one_message() -> None:
    world = World()
    world.bus.answers = fails(FailureReason.PROVIDER_BUSY)
    agent = await (await at_compose(world)).clicks("compose.send_open", TEXT)
    message = remembered(world, status=Status.FAILED, reason=FailureReason.PROVIDER_BUSY)
    await agent.clicks("failed.resend")
    other = await Agent(world).opens()
    await other.walks(f"home.details:{message.message_id}", "details.resend")
    _, first, second = world.bus.published
    assert first.data.thread.open_new
    assert first.id == second.id


@pytest.mark.parametrize(("role", "offered"), [("user", True), ("lead", True), (None, True), ("visitor", False)])
async def test_visitors_cannot_be_opened_a_conversation_with(role: str | None, offered: bool) -> None:
    world = World()
    agent = await Agent(world).sees(Person(id="v1", role=role, phone="+4915112345678")).opens()
    await agent.walks("home.send", "recipient.this")
    await agent.clicks(agent.row("channel.pick:"))
    assert ("compose.send_open" in agent.ids) is offered


async def test_details_tell_of_the_conversation_and_of_replies() -> None:
    world = World()
    replies = (
        Entry(at=NOW, event="reply", source="customer", detail="Thank you!"),
        Entry(at=NOW, event="reply", source="customer"),
    )
    message = make_message(open_new=True, opened_conversation_ids=("215470010",), timeline=replies)
    world.history.put(message)
    agent = await (await Agent(world).opens()).clicks(f"home.details:{message.message_id}")
    assert links(agent) == [ADDRESS]
    assert "Nov 22, 2026 at 1:05PM · Reply: Thank you!" in agent.texts
    assert "Nov 22, 2026 at 1:05PM · Reply: something without text" in agent.texts
    world.history.put(make_message(open_new=True))
    await agent.clicks("details.refresh")
    assert {"type": "field-value", "field": "New conversation", "value": "Not open yet"} in agent.components[1]["items"]
