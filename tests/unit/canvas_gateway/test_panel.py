"""The panel as a whole: states, troubles, Home, History and Details."""

from datetime import timedelta
from typing import Any

import pytest

from canvas_gateway.domain.history import Entry, Page
from canvas_gateway.domain.state import LIFETIME
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import TextContent
from tests.unit.canvas_gateway.builders import EMMA, MARIA, NOW, WORKSPACE, make_message, make_request
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose


async def test_home_shows_person_number_and_two_messages() -> None:
    world = World()
    world.history.pages = [Page(messages=tuple(make_message() for _ in range(1)))]
    agent = await Agent(world).opens()
    assert agent.texts[:2] == ["Anna Schmidt · user", "+4915112345678"]
    assert agent.row("home.details:")
    assert world.history.asked[0]["conversation_id"] == "215470001"


async def test_home_of_a_lead_without_number_says_so() -> None:
    agent = await Agent(World()).sees(EMMA).opens()
    assert agent.texts[:2] == ["Emma Wilson · lead", "No phone number."]


@pytest.mark.parametrize("trouble", ["down", "hangs"])
async def test_home_is_there_without_tracker_and_broker(trouble: str) -> None:
    world = World()
    setattr(world.history, trouble, True)
    world.bus.connected = False
    agent = await Agent(world).opens()
    assert agent.outcome == "home"
    assert "The last messages cannot be shown right now." in agent.texts
    assert any("queue cannot be reached" in text for text in agent.texts)


async def test_unknown_workspace_is_told_who_can_connect_it() -> None:
    world = World()
    world.directory.known = set()
    agent = await Agent(world).opens()
    assert agent.texts == [
        "This workspace is not connected to Proactive.",
        "Ask your administrator to connect it.",
    ]
    world.directory.known = {WORKSPACE}
    assert (await agent.clicks("trouble.start")).outcome == "home"


async def test_directory_down_is_told_and_tried_again() -> None:
    world = World()
    world.directory.down = True
    agent = await Agent(world).opens()
    assert agent.outcome == "directory_down"
    world.directory.down = False
    assert (await agent.clicks("trouble.retry")).outcome == "home"


@pytest.mark.parametrize("place", [{"admin_id": "814861"}, {"conversation_id": "215470002"}])
async def test_state_of_another_place_is_refused_and_starts_again(place: dict[str, str]) -> None:
    world = World()
    mine = await at_compose(world)
    other = Agent(world, **place)
    other.canvas = mine.canvas
    await other.clicks("compose.send", {"compose.text": "Hello"})
    assert other.outcome == "state_refused"
    assert world.bus.published == []
    assert (await other.clicks("trouble.start")).outcome == "home"


@pytest.mark.parametrize("stored", [None, {}, {"state": "{}", "mac": "00"}, {"state": 1, "mac": []}, "text"])
async def test_missing_or_forged_state_is_refused(stored: Any) -> None:
    world = World()
    agent = await at_compose(world)
    agent.canvas["stored_data"] = stored
    await agent.clicks("compose.send", {"compose.text": "Hello"})
    assert agent.outcome == "state_refused"
    assert world.bus.published == []


async def test_canvas_nested_twice_is_understood() -> None:
    agent = await Agent(World()).opens()
    nested = agent.request("home.send").model_copy(update={"current_canvas": {"current_canvas": agent.canvas}})
    assert (await agent.world.panel.submit(nested)).outcome == "recipient"


async def test_panel_left_open_for_a_week_starts_again() -> None:
    world = World()
    agent = await at_compose(world)
    world.clock.at += LIFETIME + timedelta(seconds=1)
    assert (await agent.clicks("compose.send", {"compose.text": "Hello"})).outcome == "state_too_old"


NOT_HERE = ["compose.send", "home.nothing", "home", ".", ":", "home.details:no-uuid", "🙂", "trouble.retry"]


@pytest.mark.parametrize("component_id", NOT_HERE)
async def test_button_of_another_screen_does_nothing(component_id: str) -> None:
    world = World()
    agent = await Agent(world).opens()
    assert (await agent.clicks(component_id)).outcome == "other_screen"
    assert world.bus.published == []


async def test_unexpected_error_is_trouble_and_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    agent = await at_compose(world)

    def breaks(_request: Any) -> list[Any]:
        raise RuntimeError("+4915112345678 Your parcel is here.")

    world.bus.answers = breaks
    await agent.clicks("compose.send", {"compose.text": "Your parcel is here."})
    assert agent.outcome == "unexpected"
    logged = "".join(capsys.readouterr())
    assert "parcel" not in logged.replace("canvas", "")
    assert "4915112345678" not in logged
    world.bus.answers = lambda _request: []
    await agent.clicks("trouble.retry")
    assert agent.outcome == "sending"
    assert {event.data.message_id for event in world.bus.published} == {world.clock.minted[0]}


async def test_back_from_trouble_gives_the_typed_text_back() -> None:
    world = World()
    agent = await at_compose(world)

    def breaks(_request: Any) -> list[Any]:
        raise RuntimeError

    world.bus.answers = breaks
    await agent.clicks("compose.send", {"compose.text": "Your parcel is here.", "compose.phone": "+30 694 123 4567"})
    await agent.clicks("trouble.back")
    assert agent.values == {"compose.phone": "+30 694 123 4567", "compose.text": "Your parcel is here."}


async def test_history_scopes_ask_for_their_messages() -> None:
    world = World()
    agent = await (await Agent(world).opens()).clicks("home.history")
    assert agent.values == {"history.scope": "mine"}
    await agent.clicks("history.scope", {"history.scope": "conversation"})
    await agent.clicks("history.scope", {"history.scope": "everyone"})
    asked = [(one["requested_by"], one["conversation_id"]) for one in world.history.asked[1:]]
    assert asked == [(MARIA.id, None), (None, "215470001"), (None, None)]
    assert "No messages were sent in this workspace yet." in agent.texts


async def test_history_turns_pages_by_cursor() -> None:
    world = World()
    agent = await Agent(world).opens()
    world.history.pages = [
        Page(messages=(make_message(),), next_cursor="two"),
        Page(messages=(make_message(),), next_cursor="three"),
        Page(messages=()),
        Page(messages=(make_message(),), next_cursor="three"),
    ]
    await agent.walks("home.history", "history.older", "history.older", "history.newer")
    assert [one["cursor"] for one in world.history.asked[1:]] == [None, "two", "three", "two"]
    assert (await agent.clicks("history.back")).outcome == "home"


async def test_history_down_is_told_and_back_leads_home() -> None:
    world = World()
    agent = await Agent(world).opens()
    world.history.down = True
    await agent.clicks("home.history")
    assert agent.outcome == "history_down"
    assert (await agent.clicks("trouble.back")).outcome == "home"


async def test_back_from_trouble_never_ends_in_trouble() -> None:
    world = World()
    agent = await (await Agent(world).opens()).clicks("home.history")
    world.history.down = True
    await agent.clicks("history.scope", {"history.scope": "everyone"})
    assert (await agent.clicks("trouble.back")).outcome == "home"


async def test_failed_row_says_why_in_one_line() -> None:
    world = World()
    world.history.put(make_message(status=Status.FAILED, reason=FailureReason.OPTED_OUT))
    agent = await (await Agent(world).opens()).clicks("home.history")
    row = next(part for part in agent.components if part["type"] == "list")["items"][0]
    assert row["title"] == "Anna Schmidt · +4915112345678"
    assert row["subtitle"] == "SMS · Failed: The customer asked not to get messages from this sender."
    assert row["tertiary_text"] == "Nov 22, 2026 at 1:05PM · Maria Lopez"


async def test_details_show_facts_timeline_and_what_can_be_done() -> None:
    world = World()
    timeline = (
        Entry(at=NOW, event="send_requested", status=Status.QUEUED, source="gateway"),
        Entry(
            at=NOW,
            event="send_failed",
            status=Status.FAILED,
            source="dispatcher",
            attempt=1,
            provider_code="21211",
            detail="Invalid 'To' Phone Number",
        ),
    )
    message = make_message(status=Status.FAILED, reason=FailureReason.INVALID_NUMBER, timeline=timeline)
    world.history.put(message)
    agent = await (await Agent(world).opens()).walks("home.history", f"history.details:{message.message_id}")
    (facts,) = (part["items"] for part in agent.components if part["type"] == "data-table")
    assert {"type": "field-value", "field": "Channel", "value": "SMS · Support line"} in facts
    assert "“Your parcel is here.”" in agent.texts
    told = "Nov 22, 2026 at 1:05PM · Failed (our sender) · 21211 Invalid 'To' Phone Number"
    assert agent.texts.index(told) > agent.texts.index("Timeline")
    assert {"details.resend", "details.refresh", "details.back"} <= set(agent.ids)
    world.history.put(make_message(status=Status.DELIVERED))
    await agent.clicks("details.refresh")
    assert "details.resend" not in agent.ids
    assert (await agent.clicks("details.back")).outcome == "history"


async def test_what_was_refused_because_the_first_one_was_sent_offers_no_resend() -> None:
    world = World()
    message = make_message(status=Status.FAILED, reason=FailureReason.ALREADY_SENT)
    world.history.put(message)
    agent = await (await Agent(world).opens()).walks("home.history", f"history.details:{message.message_id}")
    assert "details.resend" not in agent.ids
    assert "details.back" in agent.ids


async def test_message_that_history_does_not_know_is_trouble() -> None:
    world = World()
    agent = await Agent(world).opens()
    assert (await agent.clicks(f"home.details:{make_request().message_id}")).outcome == "message_gone"
    assert (await agent.clicks("trouble.back")).outcome == "home"


async def test_same_person_in_two_tabs_never_meets_the_other_tabs_state() -> None:
    world = World()
    first, second = await at_compose(world), await at_compose(world)
    assert len(set(world.clock.minted)) == 2
    await first.clicks("compose.send", {"compose.text": "One"})
    await second.clicks("compose.send", {"compose.text": "Two"})
    assert [event.data.content for event in world.bus.published] == [TextContent(text="One"), TextContent(text="Two")]
    assert first.texts[1:3] == ["SMS · Support line", "To Anna Schmidt · +4915112345678"]
