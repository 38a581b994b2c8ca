"""From Home to the form."""

from datetime import timedelta
from typing import Any

import pytest

from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Person
from tests.unit.canvas_gateway.builders import ANNA, EMMA, NOW, make_channel, make_reach
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose


async def at_search(world: World) -> Agent:
    agent = await Agent(world).opens()
    return await agent.walks("home.send", "recipient.search")


async def test_this_person_leads_through_channel_to_a_prefilled_form() -> None:
    agent = await at_compose(World())
    assert agent.texts[0] == "To Anna Schmidt · SMS · Support line"
    assert agent.values == {"compose.phone": "+4915112345678"}
    assert "compose.send_open" in agent.ids


@pytest.mark.parametrize("field", ["id", "email", "phone"])
async def test_search_by_each_field_finds_one_person_and_goes_on(field: str) -> None:
    world = World()
    agent = await (await at_search(world)).clicks("search.submit", {f"search.{field}": " +30 694 123 4567 "})
    assert agent.outcome == "channel"
    assert world.contacts.asked == [(field, "+30 694 123 4567")]


async def test_several_fields_use_the_first_and_say_so() -> None:
    world = World()
    agent = await at_search(world)
    await agent.clicks("search.submit", {"search.email": "a@example.org", "search.phone": "+30", "search.id": None})
    assert world.contacts.asked == [("email", "a@example.org")]
    assert "Searched by email only; the phone number was not used." in agent.texts


async def test_nothing_typed_says_which_fields_there_are() -> None:
    agent = await (await at_search(World())).clicks("search.submit", {"search.id": "  "})
    assert agent.outcome == "search"
    assert "Fill in one of the fields: user/lead ID, email or phone number." in agent.texts


async def test_nobody_found_keeps_what_was_typed() -> None:
    world = World()
    world.contacts.people = []
    agent = await (await at_search(world)).clicks("search.submit", {"search.email": "no@example.org"})
    assert agent.outcome == "search"
    assert agent.values == {"search.email": "no@example.org"}
    assert agent.texts[1].startswith("Nobody was found with the email no@example.org.")


async def test_several_matches_are_listed_ten_a_page_and_one_is_picked() -> None:
    world = World()
    world.contacts.people = [
        Person(id=f"c{number}", role="lead", name=f"Li {number}", last_seen_at=NOW - timedelta(hours=number))
        for number in range(12)
    ]
    agent = await (await at_search(world)).clicks("search.submit", {"search.email": "shared@example.org"})
    assert agent.outcome == "matches"
    assert [name for name in agent.ids if name.startswith("matches.pick")] == [f"matches.pick:c{n}" for n in range(10)]
    await agent.clicks("matches.next")
    assert "matches.pick:c11" in agent.ids
    assert "matches.next" not in agent.ids
    await agent.clicks("matches.pick:c11")
    assert agent.texts[1] == "To Li 11"


async def test_back_from_matches_returns_to_the_search_with_its_words() -> None:
    world = World()
    world.contacts.people = [ANNA, EMMA]
    agent = await (await at_search(world)).clicks("search.submit", {"search.phone": "+30"})
    assert (await agent.clicks("matches.back")).values == {"search.phone": "+30"}


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (Interruption(Kind.INTERCOM_SLOW), "Intercom did not answer in time."),
        (Interruption(Kind.INTERCOM_DOWN), "Intercom cannot be reached."),
        (Interruption(Kind.INTERCOM_BUSY, 7.2), "Intercom takes no more requests from us for the moment."),
        (Interruption(Kind.INTERCOM_REFUSED), "Intercom does not let us look up users and leads."),
    ],
)
async def test_intercom_in_trouble_is_told_and_tried_again(trouble: Interruption, sentence: str) -> None:
    world = World()
    world.contacts.trouble = trouble
    agent = await (await at_search(world)).clicks("search.submit", {"search.email": "anna@example.org"})
    assert agent.texts[0] == sentence
    await agent.clicks("trouble.retry")
    assert agent.texts[0] == sentence
    world.contacts.trouble = None
    await agent.clicks("trouble.retry")
    assert agent.outcome == "channel"
    assert world.contacts.asked == [("email", "anna@example.org")]


async def test_rate_limit_says_how_long_to_wait() -> None:
    world = World()
    world.contacts.trouble = Interruption(Kind.INTERCOM_BUSY, 7.2)
    agent = await (await at_search(world)).clicks("search.submit", {"search.id": "x"})
    assert agent.texts[1] == "Try again in 7 seconds."


async def test_back_from_trouble_leads_to_where_it_came_from() -> None:
    world = World()
    world.contacts.trouble = Interruption(Kind.INTERCOM_SLOW)
    agent = await (await at_search(world)).clicks("search.submit", {"search.email": "anna@example.org"})
    assert (await agent.clicks("trouble.back")).outcome == "search"


async def test_match_that_is_gone_meanwhile_is_told() -> None:
    world = World()
    world.contacts.people = [ANNA, EMMA]
    agent = await (await at_search(world)).clicks("search.submit", {"search.phone": "+30"})
    world.contacts.people = []
    assert (await agent.clicks(f"matches.pick:{EMMA.id}")).outcome == "contact_gone"


async def test_no_channel_says_what_to_ask_for() -> None:
    world = World()
    world.directory.connected = []
    agent = await (await Agent(world).opens()).walks("home.send", "recipient.this")
    assert "No channel is connected yet." in agent.texts


async def test_disabled_channel_is_shown_and_cannot_be_chosen() -> None:
    world = World()
    world.directory.connected = [make_channel(enabled=False)]
    agent = await (await Agent(world).opens()).walks("home.send", "recipient.this")
    row = next(part for part in agent.components if part["type"] == "list")["items"][0]
    assert row["disabled"] is True
    assert "action" not in row
    assert row["tertiary_text"] == "Not connected any more"
    assert (await agent.clicks(row["id"])).outcome == "channel_gone"


@pytest.mark.parametrize(
    ("phone", "line"),
    [
        ("+4915112345678", "Could not be checked just now"),
        ("+493012345678", "Could not be checked just now. This is a landline: it cannot receive SMS."),
        ("+498001234567", "Could not be checked just now. Not a mobile number"),
        (
            "12345",
            "Could not be checked just now. The phone number is not valid: you can correct it on the next screen",
        ),
        (None, "Could not be checked just now. No phone number yet: you can type it on the next screen"),
    ],
)
async def test_channel_says_what_is_known_of_the_number_where_nothing_else_is(phone: str | None, line: str) -> None:
    person = ANNA.model_copy(update={"phone": phone})
    agent = await Agent(World()).sees(person).opens()
    await agent.walks("home.send", "recipient.this")
    assert next(part for part in agent.components if part["type"] == "list")["items"][0]["tertiary_text"] == line


async def test_message_id_and_text_survive_going_back() -> None:
    world = World()
    agent = await at_compose(world)
    await agent.clicks("compose.back", {"compose.text": "Half a", "compose.phone": "+30"})
    await agent.clicks(agent.row("channel.pick:"))
    assert agent.values == {"compose.phone": "+30", "compose.text": "Half a"}
    assert len(world.clock.minted) == 1


async def test_other_recipient_gets_their_own_number() -> None:
    world = World()
    agent = await at_compose(world)
    await agent.clicks("compose.back", {"compose.text": "Half a", "compose.phone": "+30"})
    await agent.walks("channel.back", "recipient.search")
    world.contacts.people = [EMMA.model_copy(update={"phone": "+30 694 123 4567"})]
    await agent.clicks("search.submit", {"search.email": "emma@example.net"})
    await agent.clicks(agent.row("channel.pick:"))
    assert agent.values == {"compose.phone": "+306941234567", "compose.text": "Half a"}
    assert len(world.clock.minted) == 1


async def at_channel(world: World, person: Person = ANNA) -> Agent:
    agent = await Agent(world).sees(person).opens()
    return await agent.walks("home.send", "recipient.this")


def only_row(agent: Agent) -> dict[str, Any]:
    row: dict[str, Any] = next(part for part in agent.components if part["type"] == "list")["items"][0]
    return row


async def test_channel_asks_the_dispatcher_about_the_number_as_it_would_be_sent_to() -> None:
    world = World()
    for phone in ("+49 151 12345678", "12345", None):
        await at_channel(world, ANNA.model_copy(update={"phone": phone}))
    assert world.reachability.asked == ["+4915112345678", None, None]


async def test_paused_channel_says_so_and_can_still_be_chosen() -> None:
    world = World()
    world.reachability.reach = [make_reach(state="paused", since=NOW)]
    agent = await at_channel(world)
    assert only_row(agent)["tertiary_text"].startswith("Paused since 1:05PM: a message waits")
    assert (await agent.clicks(agent.row("channel.pick:"))).outcome == "compose"


async def test_blocked_channel_cannot_be_chosen_and_the_screen_leads_back() -> None:
    world = World()
    world.reachability.reach = [make_reach(state="blocked", until=NOW + timedelta(minutes=5))]
    agent = await at_channel(world)
    assert "action" not in only_row(agent)
    assert only_row(agent)["disabled"] is True
    assert (await agent.clicks("channel.back")).outcome == "recipient"
