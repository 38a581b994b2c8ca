"""History with its filter: what is asked for, what stays, and what the screens say."""

import pytest

from canvas_gateway.domain.history import Page, SearchTrouble, Standing
from canvas_gateway.domain.state import Filter
from canvas_gateway.screens.filter import label_of
from proactive_contracts.status import Status
from proactive_contracts.values import Channel
from tests.unit.canvas_gateway.builders import CONVERSATION, MARIA, make_message
from tests.unit.canvas_gateway.fakes import Agent, World

NARROW = {"filter.channel": "sms", "filter.status": "failed", "filter.search": " 0151 12345678 "}
WORDS = "SMS · Failed · 0151 12345678"


async def at_filter(world: World) -> Agent:
    return await (await Agent(world).opens()).walks("home.history", "history.filter")


def buttons(agent: Agent) -> dict[str, str]:
    return {part["id"]: part["label"] for part in agent.components if part["type"] == "button"}


def test_every_status_belongs_to_one_choice_and_every_choice_has_words_of_its_own() -> None:
    statuses = [status for standing in Standing for status in standing.statuses]
    assert sorted(statuses) == sorted(Status)
    assert len({label_of(standing) for standing in Standing}) == len(Standing)
    assert label_of(Standing.MAY_BE_SENT).startswith(Status.UNKNOWN.label)


async def test_history_opens_on_the_agent_s_own_sends_without_a_filter() -> None:
    world = World()
    agent = await (await Agent(world).opens()).clicks("home.history")
    asked = world.history.asked[-1]
    assert (asked["requested_by"], asked["conversation_id"], asked["wanted"]) == (MARIA.id, None, Filter())
    assert buttons(agent)["history.filter"] == "Filter"
    assert "history.clear" not in agent.ids


async def test_form_offers_every_channel_and_status_and_one_search_field() -> None:
    agent = await at_filter(World())
    assert agent.outcome == "filter"
    channel, status = (part for part in agent.components if part["type"] == "dropdown")
    assert [option["text"] for option in channel["options"]] == ["Any channel", *(one.label for one in Channel)]
    assert len(status["options"]) == len(Standing) + 1 <= 10
    assert [part["label"] for part in agent.components if part["type"] == "input"] == ["Number or message ID"]
    assert agent.values == {"filter.channel": "any", "filter.status": "any"}
    assert "filter.clear" not in agent.ids


async def test_filter_is_asked_for_and_said_and_stays_while_scope_page_and_details_change() -> None:
    world = World()
    message = make_message()
    world.history.put(message)
    agent = await at_filter(world)
    world.history.pages = [Page(messages=(message,), next_cursor="two")]
    await agent.clicks("filter.show", NARROW)
    wanted = Filter(channel=Channel.SMS, standing=Standing.FAILED, search="0151 12345678")
    assert (agent.outcome, world.history.asked[-1]["wanted"]) == ("history", wanted)
    assert f"Only: {WORDS}" in agent.texts
    assert (buttons(agent)["history.filter"], buttons(agent)["history.clear"]) == ("Change filter", "Clear filter")
    await agent.clicks("history.older")
    assert (world.history.asked[-1]["cursor"], world.history.asked[-1]["wanted"]) == ("two", wanted)
    await agent.clicks("history.scope", {"history.scope": "conversation"})
    asked = world.history.asked[-1]
    assert (asked["conversation_id"], asked["requested_by"], asked["cursor"]) == (CONVERSATION, None, None)
    assert asked["wanted"] == wanted
    await agent.walks(f"history.details:{message.message_id}", "details.back")
    assert world.history.asked[-1]["wanted"] == wanted
    await agent.clicks("history.filter")
    assert agent.values == {"filter.channel": "sms", "filter.status": "failed", "filter.search": "0151 12345678"}
    await agent.clicks("filter.back", {"filter.search": "not this"})
    assert world.history.asked[-1]["wanted"] == wanted


@pytest.mark.parametrize("where", ["history.clear", "filter.clear"])
async def test_cleared_filter_shows_everything_from_the_newest(where: str) -> None:
    world = World()
    agent = await at_filter(world)
    world.history.pages = [Page(messages=(make_message(),), next_cursor="two")]
    await agent.clicks("filter.show", NARROW)
    await agent.clicks("history.older")
    if where == "filter.clear":
        await agent.clicks("history.filter")
    await agent.clicks(where)
    assert agent.outcome == "history"
    assert (world.history.asked[-1]["wanted"], world.history.asked[-1]["cursor"]) == (Filter(), None)
    assert "history.clear" not in agent.ids


async def test_another_filter_begins_at_the_newest() -> None:
    world = World()
    agent = await at_filter(world)
    world.history.pages = [Page(messages=(make_message(),), next_cursor="two")]
    await agent.clicks("filter.show", NARROW)
    await agent.walks("history.older", "history.filter")
    await agent.clicks("filter.show", {"filter.status": "any", "filter.search": ""})
    assert world.history.asked[-1]["wanted"] == Filter(channel=Channel.SMS)
    assert world.history.asked[-1]["cursor"] is None


async def test_choice_that_is_missing_or_unknown_does_no_harm() -> None:
    world = World()
    agent = await at_filter(world)
    await agent.clicks("filter.show", NARROW)
    await agent.clicks("history.filter")
    await agent.clicks("filter.show", {"filter.channel": None, "filter.status": "made up", "filter.search": None})
    assert world.history.asked[-1]["wanted"] == Filter(channel=Channel.SMS)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (SearchTrouble.UNCLEAR, "This is no message ID, no number, and not the last 6 digits of one."),
        (SearchTrouble.TOO_MANY, "More than 20 numbers end so. Type more of the digits."),
    ],
)
async def test_search_that_is_refused_says_why_and_keeps_what_was_typed(why: SearchTrouble, words: str) -> None:
    world = World()
    agent = await at_filter(world)
    world.history.refuses = why
    await agent.clicks("filter.show", NARROW | {"filter.search": "Anna"})
    assert agent.outcome == "filter"
    assert agent.values == {"filter.channel": "sms", "filter.status": "failed", "filter.search": "Anna"}
    assert words in agent.texts
    (field,) = (part for part in agent.components if part["type"] == "input")
    assert field["save_state"] == "failed"
    world.history.refuses = None
    again = agent.remembers()
    await agent.clicks("filter.back")
    left = Filter(channel=Channel.SMS, standing=Standing.FAILED)
    assert (agent.outcome, world.history.asked[-1]["wanted"]) == ("history", left), "back is a way out"
    agent.canvas = again
    await agent.clicks("filter.show", {"filter.search": "345678"})
    assert (agent.outcome, world.history.asked[-1]["wanted"].search) == ("history", "345678")


async def test_history_down_while_filtering_is_told_and_tried_again_with_what_was_typed() -> None:
    world = World()
    agent = await at_filter(world)
    world.history.down = True
    await agent.clicks("filter.show", NARROW)
    assert agent.outcome == "history_down"
    assert "The sent messages cannot be read right now." in agent.texts
    await agent.clicks("trouble.back")
    assert (agent.outcome, agent.values["filter.search"]) == ("filter", "0151 12345678")
    await agent.clicks("filter.show")
    world.history.down = False
    await agent.clicks("trouble.retry")
    assert (agent.outcome, world.history.asked[-1]["wanted"].search) == ("history", "0151 12345678")


@pytest.mark.parametrize(
    ("scope", "empty", "wider"),
    [
        ("mine", "None of your messages fits", 'Choose "Everyone", or press "Clear filter", to see more.'),
        ("conversation", "No message of this conversation fits", 'Choose "Everyone", or press "Clear filter"'),
        ("everyone", "No message of this workspace fits", 'Press "Clear filter" to see more.'),
    ],
)
async def test_nothing_found_says_what_was_looked_for_and_how_to_widen(scope: str, empty: str, wider: str) -> None:
    agent = await at_filter(World())
    await agent.clicks("filter.show", NARROW)
    await agent.clicks("history.scope", {"history.scope": scope})
    assert f"{empty}: {WORDS}." in agent.texts
    assert any(text.startswith(wider) for text in agent.texts)


async def test_nothing_sent_yet_says_where_others_are() -> None:
    agent = await (await Agent(World()).opens()).clicks("home.history")
    told = ["You have not sent any messages yet.", 'Choose "Everyone" to see what others sent.']
    assert [text for text in agent.texts if text in told] == told
    await agent.clicks("history.scope", {"history.scope": "everyone"})
    assert told[1] not in agent.texts


async def test_page_that_cannot_be_shown_is_not_called_empty() -> None:
    world = World()
    agent = await Agent(world).opens()
    world.history.pages = [Page(messages=(), next_cursor="two")]
    await agent.clicks("home.history")
    assert "The messages of this page cannot be shown right now." in agent.texts
    assert "You have not sent any messages yet." not in agent.texts
    assert "history.older" in agent.ids


async def test_what_was_typed_cannot_mark_up_the_screen() -> None:
    agent = await at_filter(World())
    await agent.clicks("filter.show", {"filter.search": "[x](https://y) **z** \u202e" + "1" * 500})
    assert agent.outcome == "history"
    assert not any("](" in text or "**" in text or "\u202e" in text for text in agent.texts)
