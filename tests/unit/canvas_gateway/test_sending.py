"""One submit is at most one message, and no screen says anything untrue."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from canvas_gateway.domain.outcome import Published
from proactive_contracts.codec import encode
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import (
    Earlier,
    SendAccepted,
    SendExpired,
    SendFailed,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, TextContent
from tests.unit.canvas_gateway.builders import NOW, make_message, make_request, make_result
from tests.unit.canvas_gateway.fakes import Agent, Answering, World, at_compose

TEXT = {"compose.text": "Your parcel is here."}


def accepts(request: Event[Any]) -> Sequence[Event[Any]]:
    return [make_result(request.data, SendAccepted, provider="twilio", provider_message_id="SM1")]


def fails(reason: FailureReason, **fields: Any) -> Answering:
    return lambda request: [make_result(request.data, SendFailed, reason=reason, provider="twilio", **fields)]


class Dispatcher:
    """Takes one version of each message and sends it once, as the real one does."""

    def __init__(self, status: Status = Status.SENT) -> None:
        self.taken: dict[UUID, UUID] = {}
        self._status = status

    def __call__(self, event: Event[SendRequested]) -> Sequence[Event[Any]]:
        request = event.data
        taken = self.taken.setdefault(request.message_id, event.id)
        if taken == event.id:
            return accepts(event)
        earlier = Earlier(status=self._status, since=NOW)
        return [make_result(request, SendFailed, reason=FailureReason.CHANGED, earlier=earlier, attempt=0)]


async def test_accepted_message_is_sent() -> None:
    world = World()
    world.bus.answers = accepts
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "sent"
    assert agent.texts[0] == "✅ Message sent!"
    request = world.bus.published[0]
    assert request.id == request_id(request.data)
    assert request.data.result_route == world.results.route
    assert request.data.message_id == world.clock.minted[0]
    assert request.data.not_after == NOW + timedelta(minutes=15)
    assert (await agent.clicks("sent.done")).outcome == "home"


async def test_only_started_is_still_sending() -> None:
    world = World()
    world.bus.answers = lambda request: [make_result(request.data, SendStarted)]
    assert (await (await at_compose(world)).clicks("compose.send", TEXT)).outcome == "sending"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"compose.phone": "", "compose.text": "Hello"}, "Phone number is missing."),
        ({"compose.phone": None, "compose.text": "Hello"}, "Phone number is missing."),
        (
            {"compose.phone": "12345", "compose.text": "Hello"},
            "Your phone number is invalid. Make sure the number is in an international phone format. See E.164",
        ),
        ({"compose.text": "x" * 501}, "501 characters; at most 500."),
        ({"compose.text": "  "}, "There is no message yet."),
    ],
)
async def test_refused_form_sends_nothing_and_keeps_what_was_typed(typed: dict[str, Any], sentence: str) -> None:
    world = World()
    agent = await (await at_compose(world)).clicks("compose.send", typed)
    assert agent.outcome == "compose"
    errors = [part["text"] for part in agent.components if part.get("style") == "error"]
    assert errors == [sentence]
    assert agent.values.get("compose.text", "") == typed["compose.text"]
    assert world.bus.published == []


async def test_message_id_survives_a_refused_form() -> None:
    world = World()
    world.bus.answers = accepts
    agent = await (await at_compose(world)).clicks("compose.send", {"compose.text": ""})
    await agent.clicks("compose.send", TEXT)
    assert world.bus.published[0].data.message_id == world.clock.minted[0]


async def test_five_hundred_characters_are_sent() -> None:
    world = World()
    world.bus.answers = accepts
    assert (await (await at_compose(world)).clicks("compose.send", {"compose.text": "é" * 500})).outcome == "sent"


async def test_ten_identical_submits_at_once_are_one_request() -> None:
    world = World()
    dispatcher = Dispatcher()
    world.bus.answers = dispatcher
    agent = await at_compose(world)
    request = agent.request("compose.send", TEXT)
    drawn = await asyncio.gather(*(world.panel.submit(request) for _ in range(10)))
    assert {one.outcome for one in drawn} == {"sent"}
    assert len(dispatcher.taken) == 1
    assert len({event.id for event in world.bus.published}) == 1


async def test_submit_repeated_an_hour_later_is_the_same_message() -> None:
    world = World()
    dispatcher = Dispatcher()
    world.bus.answers = dispatcher
    request = (await at_compose(world)).request("compose.send", TEXT)
    await world.panel.submit(request)
    world.clock.at += timedelta(hours=1)
    assert (await world.panel.submit(request)).outcome == "sent"
    assert len(dispatcher.taken) == 1


async def test_corrected_text_after_a_lost_answer_tells_the_truth_and_can_become_a_new_message() -> None:
    world = World()
    dispatcher = Dispatcher()
    world.bus.answers = dispatcher
    agent = await at_compose(world)
    await world.panel.submit(agent.request("compose.send", {"compose.text": "Your parcel is hree."}))
    first = world.bus.published[0].data
    world.history.put(make_message(first))
    await agent.clicks("compose.send", TEXT)
    assert agent.outcome == "changed"
    assert agent.texts[1] == 'An earlier version was sent at 1:05PM: "Your parcel is hree." This one was not.'
    new = agent.request("changed.send_new")
    drawn = await asyncio.gather(world.panel.submit(new), world.panel.submit(new))
    assert {one.outcome for one in drawn} == {"sent"}
    refused = world.bus.published[1]
    assert world.bus.published[2].data.message_id == uuid5(first.message_id, f"new:{refused.id}")
    assert len(dispatcher.taken) == 2


BUTTONS = ["compose.send", "compose.send_open"]
OTHER_BUTTON = {
    "compose.send": 'by "Send message". Only the Intercom conversation is not opened.',
    "compose.send_open": 'by "Send message & open Intercom conversation". Its conversation was asked for.',
}


async def at_both_buttons(world: World, first: str, **known: Any) -> Agent:
    """An agent who lost the answer to one button and pressed the other one; `known` is what history has of it."""
    world.bus.answers = Dispatcher(known.get("status", Status.SENT))
    agent = await at_compose(world)
    await world.panel.submit(agent.request(first, TEXT))
    world.history.put(make_message(world.bus.published[0].data, **known))
    return await agent.clicks(next(button for button in BUTTONS if button != first), TEXT)


@pytest.mark.parametrize("first", BUTTONS)
async def test_both_buttons_are_one_message_and_no_copy_is_offered(first: str) -> None:
    world = World()
    agent = await at_both_buttons(world, first, open_new=first == "compose.send_open")
    assert agent.outcome == "sent"
    assert agent.texts[0] == "✅ Message sent!"
    assert agent.texts[1] == f"Both buttons were pressed. It was taken once, {OTHER_BUTTON[first]}"
    assert set(agent.ids) == {"sent.refresh", "sent.history", "sent.done"}
    world.history.put(
        make_message(world.bus.published[0].data, status=Status.DELIVERED, opened_conversation_ids=("7",))
    )
    await agent.clicks("sent.refresh")
    assert "Delivered · Nov 22, 2026 at 1:05PM" in agent.texts
    assert OTHER_BUTTON[first] in agent.texts[1]
    assert ("sent.opened:7" in agent.ids) == (first == "compose.send_open")
    assert len(world.bus.published) == 2
    assert (await agent.clicks("sent.history")).outcome == "history"


@pytest.mark.parametrize(
    ("status", "screen", "ways_on"),
    [
        (Status.QUEUED, "sending", {"refresh", "history", "done"}),
        (Status.SENDING, "sending", {"refresh", "history", "done"}),
        (Status.UNKNOWN, "unknown", {"refresh", "resend", "mark_sent", "mark_not_sent", "history", "finish"}),
        (Status.FAILED, "failed", {"resend", "history", "finish"}),
    ],
)
async def test_both_buttons_tell_whatever_became_of_the_message(status: Status, screen: str, ways_on: set[str]) -> None:
    agent = await at_both_buttons(World(), "compose.send", status=status)
    assert agent.outcome == screen
    assert OTHER_BUTTON["compose.send"] in agent.texts[1]
    assert set(agent.ids) == {f"{screen}.{way}" for way in ways_on}
    assert any("twice" in text for text in agent.texts) == (status is Status.UNKNOWN)


async def test_dispatcher_that_is_ahead_of_the_history_is_believed_of_both_buttons() -> None:
    world = World()
    agent = await at_both_buttons(world, "compose.send", status=Status.SENT)
    world.history.messages.clear()
    agent = await at_compose(world)
    await world.panel.submit(agent.request("compose.send", TEXT))
    world.history.put(make_message(world.bus.published[-1].data, status=Status.QUEUED))
    assert (await agent.clicks("compose.send_open", TEXT)).outcome == "sent"


async def test_resend_after_both_buttons_is_the_resend_of_the_message_that_was_taken() -> None:
    world = World()
    agent = await at_both_buttons(world, "compose.send", status=Status.FAILED)
    taken = world.bus.published[0].data
    world.bus.answers = accepts
    assert (await agent.clicks("failed.resend")).outcome == "sent"
    resent = world.bus.published[-1].data
    assert (resent.resend_of, resent.thread.open_new) == (taken.message_id, False)


async def test_both_buttons_are_recognised_by_refresh_after_the_time_is_over() -> None:
    world = World()
    agent = await (await at_compose(world)).clicks("compose.send_open", TEXT)
    refused = world.bus.published[0].data
    taken = refused.model_copy(update={"thread": refused.thread.model_copy(update={"open_new": False})})
    world.history.put(make_message(taken))
    world.clock.at += timedelta(minutes=16)
    assert (await agent.clicks("sending.refresh")).outcome == "sent"
    assert OTHER_BUTTON["compose.send"] in agent.texts[1]


SAME = "Both have the same text: the customer may get it twice if you send this one as well."
PERHAPS = "The earlier text cannot be shown right now. If it is the same, the customer may get it twice."


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"recipient": "+306941234567"}, SAME),
        ({"channel_id": uuid4()}, SAME),
        ({"text": " Your parcel  is here.\n"}, SAME),
        ({"text": "Your parcel is hree."}, None),
        ({"text": None}, PERHAPS),
    ],
)
async def test_copy_of_what_may_have_been_sent_is_offered_only_with_the_warning(
    changes: dict[str, Any], warning: str | None
) -> None:
    world = World()
    agent = await at_compose(world)
    for status, warned in ((Status.UNKNOWN, warning), (Status.SENT, warning), (Status.EXPIRED, None)):
        world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=status, since=NOW))
        ours = make_request(message_id=world.clock.minted[0])
        world.history.put(make_message(ours, event_id=uuid4(), status=status, **changes))
        stale = Agent(world)
        stale.canvas = agent.remembers()
        await stale.clicks("compose.send", TEXT)
        assert stale.outcome == "changed"
        assert [text for text in stale.texts if text in {SAME, PERHAPS}] == ([warned] if warned else [])
        assert {"changed.send_new", "changed.history", "changed.done"} <= set(stale.ids)


async def test_copy_is_offered_only_with_a_warning_while_history_is_down() -> None:
    world = World()
    world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=Status.SENT, since=NOW))
    world.history.down = True
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert PERHAPS in agent.texts


async def test_earlier_version_through_another_channel_is_named() -> None:
    world = World()
    world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=Status.SENT, since=NOW))
    agent = await at_compose(world)
    ours = make_request(message_id=world.clock.minted[0])
    for channel, words in (
        (Channel.VIBER, "through Viber Business Messages"),
        (Channel.SMS, "through another channel"),
    ):
        world.history.put(make_message(ours, event_id=uuid4(), channel_id=uuid4(), channel=channel))
        stale = Agent(world)
        stale.canvas = agent.remembers()
        await stale.clicks("compose.send", TEXT)
        assert f'at 1:05PM {words}: "Your parcel is here."' in stale.texts[1]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.SENDING, "was being sent at 1:05PM"),
        (Status.UNKNOWN, "may have been sent"),
        (Status.FAILED, "failed"),
        (Status.EXPIRED, "was not sent"),
    ],
)
async def test_earlier_version_is_told_as_what_it_is(status: Status, words: str) -> None:
    world = World()
    world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=status, since=NOW))
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.texts[1].startswith(f"An earlier version {words}")


async def test_earlier_text_is_awaited_while_history_lags_behind() -> None:
    world = World(wait_seconds=1)
    world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=Status.SENT, since=NOW))
    agent = await at_compose(world)

    async def catch_up() -> None:
        while not world.bus.published:
            await asyncio.sleep(0.01)
        ours = world.bus.published[0].data
        world.history.put(make_message(ours))
        await asyncio.sleep(0.15)
        world.history.put(make_message(ours, event_id=uuid4(), text="The first one"))

    await asyncio.gather(catch_up(), agent.clicks("compose.send", TEXT))
    assert "The first one" in agent.texts[1]


async def test_refused_number_is_failed_with_both_lines() -> None:
    world = World()
    world.bus.answers = fails(FailureReason.INVALID_NUMBER, provider_code="21211")
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "failed"
    assert agent.texts[0] == "Failed to send!"
    assert agent.texts[1] == "We have failed to send your message through your SMS channel."
    assert agent.components[1]["style"] == "error"
    assert agent.components[2]["style"] == "muted"
    assert "Twilio's code: 21211." in agent.texts


async def test_resend_clicked_twice_is_one_message_that_names_the_failed_one() -> None:
    world = World()
    world.bus.answers = fails(FailureReason.PROVIDER_BUSY)
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    dispatcher = Dispatcher()
    world.bus.answers = dispatcher
    click = agent.request("failed.resend")
    drawn = await asyncio.gather(world.panel.submit(click), world.panel.submit(click))
    assert {one.outcome for one in drawn} == {"sent"}
    first, resent = world.bus.published[0].data, world.bus.published[1].data
    assert resent.message_id == uuid5(first.message_id, "resend")
    assert resent.resend_of == first.message_id
    assert (resent.content, resent.recipient) == (first.content, first.recipient)
    assert len(dispatcher.taken) == 1


async def test_resend_of_what_was_sent_after_all_tells_that() -> None:
    world = World()
    world.bus.answers = lambda request: [make_result(request.data, SendUnknown)]
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "unknown"
    assert any("get it twice" in text for text in agent.texts)
    world.history.put(make_message(world.bus.published[0].data, status=Status.DELIVERED))
    world.bus.answers = fails(FailureReason.ALREADY_SENT, earlier=Earlier(status=Status.DELIVERED, since=NOW))
    await agent.clicks("unknown.resend")
    assert agent.outcome == "already_sent"
    assert "was delivered at 1:05PM" in agent.texts[1]
    assert (await agent.clicks("already_sent.done")).outcome == "home"


async def test_expired_message_says_that_nothing_was_sent() -> None:
    world = World()
    world.bus.answers = lambda request: [make_result(request.data, SendExpired, not_after=NOW, attempt=0)]
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "failed"
    assert "It could not leave in time. Nothing was sent." in agent.texts


@pytest.mark.parametrize(
    ("says", "line"),
    [
        (Published.CONFIRMED, "The channel has not answered yet."),
        (Published.UNCONFIRMED, "Not confirmed by our queue yet."),
        (Published.NOT_PUBLISHED, "Not confirmed by our queue yet."),
    ],
)
async def test_no_answer_in_time_is_sending_and_refresh_publishes_the_same_again(says: Published, line: str) -> None:
    world = World()
    world.bus.says = says
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "sending"
    assert line in agent.texts
    world.bus.says = Published.CONFIRMED
    world.bus.answers = accepts
    world.clock.at += timedelta(minutes=1)
    assert (await agent.clicks("sending.refresh")).outcome == "sent"
    first, again = world.bus.published
    assert first == again


async def test_lost_publish_is_failed_only_when_no_earlier_one_may_be_queued() -> None:
    world = World()
    world.bus.says = Published.UNROUTABLE
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    assert agent.outcome == "failed"
    assert "No sender of ours was there to take it. Nothing was sent." in agent.texts

    agent = await at_compose(world)
    world.bus.says = Published.UNCONFIRMED
    compose = agent.request("compose.send", TEXT)
    await agent.clicks("compose.send", TEXT)
    world.bus.says = Published.UNROUTABLE
    assert (await agent.clicks("sending.refresh")).outcome == "sending"
    # A second tab that never saw the first submit's state must not call it failed either.
    assert (await world.panel.submit(compose)).outcome == "sending"


async def test_answer_before_the_confirm_counts() -> None:
    world = World(wait_seconds=0.5)
    agent = await at_compose(world)
    world.bus.hangs = True

    async def answer_soon() -> None:
        while not world.bus.published:
            await asyncio.sleep(0.01)
        (answer,) = accepts(world.bus.published[0])
        world.results.on_message(encode(answer))

    _, drawn = await asyncio.gather(answer_soon(), world.panel.submit(agent.request("compose.send", TEXT)))
    assert drawn.outcome == "sent"
    await world.asking.drain()


async def test_refresh_believes_a_final_history_without_publishing() -> None:
    world = World()
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    world.history.put(make_message(world.bus.published[0].data, status=Status.DELIVERED))
    assert (await agent.clicks("sending.refresh")).outcome == "sent"
    assert any(text.startswith("Delivered") for text in agent.texts)
    assert len(world.bus.published) == 1


async def test_refresh_of_an_unknown_outcome_stays_unknown() -> None:
    world = World()
    world.bus.answers = lambda request: [make_result(request.data, SendUnknown)]
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    world.bus.answers = lambda _request: []
    world.history.put(make_message(world.bus.published[0].data, status=Status.UNKNOWN))
    assert (await agent.clicks("unknown.refresh")).outcome == "unknown"


async def test_unknown_outcome_stays_unknown_when_nobody_answers() -> None:
    world = World()
    world.bus.answers = lambda request: [make_result(request.data, SendUnknown)]
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    world.bus.says = Published.NOT_PUBLISHED
    world.history.down = True
    assert (await agent.clicks("unknown.refresh")).outcome == "unknown"


async def test_refresh_after_its_time_publishes_nothing() -> None:
    world = World()
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    world.clock.at += timedelta(minutes=16)
    assert (await agent.clicks("sending.refresh")).outcome == "unknown"
    world.history.down = True
    await agent.clicks("unknown.refresh")
    assert "Our history cannot be read right now. Refresh in a moment." in agent.texts
    assert len(world.bus.published) == 1


async def test_refresh_where_another_version_was_taken_asks_and_tells() -> None:
    world = World()
    agent = await (await at_compose(world)).clicks("compose.send", TEXT)
    request = world.bus.published[0].data
    world.history.put(make_message(request, event_id=uuid4(), text="The other one"))
    world.bus.answers = fails(FailureReason.CHANGED, earlier=Earlier(status=Status.SENT, since=NOW))
    await agent.clicks("sending.refresh")
    assert agent.outcome == "changed"
    assert "The other one" in agent.texts[1]


async def test_hanging_broker_and_tracker_leave_an_answer_within_six_seconds() -> None:
    world = World(wait_seconds=4)
    agent = await at_compose(world)
    world.bus.hangs = world.history.hangs = True
    for component in ("compose.send", "sending.refresh"):
        started = time.monotonic()
        await agent.clicks(component, TEXT if component == "compose.send" else None)
        assert time.monotonic() - started < 6
        assert agent.outcome == "sending"
    await world.asking.drain()


async def test_resend_from_details_uses_what_history_keeps() -> None:
    world = World()
    message = make_message(status=Status.FAILED, reason=FailureReason.PROVIDER_BUSY)
    world.history.put(message)
    world.bus.answers = accepts
    agent = await Agent(world).opens()
    await agent.walks(f"home.details:{message.message_id}", "details.resend")
    assert agent.outcome == "sent"
    resent = world.bus.published[0].data
    assert resent.content == TextContent(text=message.text or "")
    assert resent.message_id == uuid5(message.message_id, "resend")
    assert resent.resend_of == message.message_id


async def test_resend_of_what_arrived_meanwhile_is_refused() -> None:
    world = World()
    message = make_message(status=Status.FAILED)
    world.history.put(message)
    agent = await Agent(world).opens()
    await agent.clicks(f"home.details:{message.message_id}")
    world.history.put(make_message(status=Status.DELIVERED))
    await agent.clicks("details.resend")
    assert agent.outcome == "not_resendable"
    assert world.bus.published == []
    assert (await agent.clicks("trouble.back")).outcome == "details"
