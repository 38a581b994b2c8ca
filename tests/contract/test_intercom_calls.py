"""What our client asks of Intercom and reads from it, held against the official description on its way to the fake."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from intercom_api import Contact, Intercom
from sandbox import fixtures
from sandbox.app import create_app
from tests.unit.sandbox.descriptions import Description, description, skip_without_any
from tests.unit.sandbox.harness import INTERCOM_TOKEN, make_settings

OF_INTERCOM = "intercom_2.16.yaml"
skip_without_any(OF_INTERCOM)

# The description's examples of found contacts leave this field out, those of single ones have it.
BEYOND_SEARCH = tuple(f"data/{part}/type" for part in ("tags", "notes", "companies", "social_profiles"))

THREAD = "215470001"
ANNA = Contact(id=fixtures.ANNA_ID, role="user")
EMMA = Contact(id=fixtures.EMMA_ID, role="lead")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as they went over the wire."""

    method: str
    address: str
    asked: object
    status: int
    answered: object


@dataclass
class Wire:
    """Remembers what passes between our client and the fake Intercom; may take the conversation out of an answer."""

    seen: list[Exchange] = field(default_factory=list)
    tells_conversation: bool = True

    @web.middleware
    async def remember(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass it on and keep it."""
        raw = await request.read()
        response = await handler(request)
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        address, answered = request.path.removeprefix("/intercom"), json.loads(response.body)
        if not self.tells_conversation and address == "/messages":
            del answered["conversation_id"]
        asked = json.loads(raw) if raw else None
        self.seen.append(Exchange(request.method, address, asked, response.status, answered))
        return web.json_response(answered, status=response.status, headers=link_of(response))


def link_of(response: web.Response) -> dict[str, str]:
    """The header that leads from a merged contact to the living one."""
    return {name: value for name, value in response.headers.items() if name == "Link"}


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def intercom(wire: Wire) -> AsyncIterator[Intercom]:
    app = await create_app(make_settings())
    app.middlewares.append(wire.remember)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Intercom(session, str(server.make_url("/intercom")), INTERCOM_TOKEN)


def just_now() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


CALLS: dict[str, Callable[[Intercom], Awaitable[object]]] = {
    "me": lambda intercom: intercom.me(),
    "admins": lambda intercom: intercom.admins(),
    "get_contact": lambda intercom: intercom.get_contact(ANNA.id),
    "get_merged_contact": lambda intercom: intercom.get_contact(fixtures.MERGED_ID),
    "find_by_external_id": lambda intercom: intercom.find_by_id("cust-1002"),
    "find_by_email": lambda intercom: intercom.find_by_email("shared@example.org"),
    "find_by_phone": lambda intercom: intercom.find_by_phone("+306941234567"),
    "read_parts": lambda intercom: intercom.conversation_parts_contain(THREAD, "marker"),
    "add_note": lambda intercom: intercom.add_note(THREAD, "814860", "<p>Sent</p>"),
    "open_with_user": lambda intercom: intercom.open_conversation(814860, ANNA, "<p>Hello</p>"),
    "open_with_lead": lambda intercom: intercom.open_conversation(814860, EMMA, "<p>Hello</p>"),
    "conversations_since": lambda intercom: intercom.conversations_since(ANNA.id, just_now()),
    "mark_as_read": lambda intercom: intercom.mark_as_read(THREAD),
    "assign": lambda intercom: intercom.assign(THREAD, "814860"),
}


@pytest.fixture(scope="module")
def described() -> Description:
    return description(OF_INTERCOM)


@pytest.mark.parametrize("name", CALLS)
async def test_call_and_answer_are_as_described(
    intercom: Intercom, wire: Wire, described: Description, name: str
) -> None:
    await CALLS[name](intercom)
    assert wire.seen
    for one in wire.seen:
        path = described.path_of(one.method, one.address)
        assert described.problems_of_request(one.method, path, one.asked) == [], one
        beyond = BEYOND_SEARCH if path == "/contacts/search" else ()
        assert described.problems(one.method, path, one.status, one.answered, beyond) == [], one


async def test_conversation_is_found_by_its_message(intercom: Intercom, wire: Wire, described: Description) -> None:
    """The description's own example of an admin's message names no conversation: it is searched with its id."""
    wire.tells_conversation = False
    opened = await intercom.open_conversation(814860, ANNA, "<p>Hello</p>")
    search = wire.seen[-1]
    assert described.problems_of_request("POST", search.address, search.asked) == []
    assert described.problems("POST", search.address, search.status, search.answered) == []
    found = await intercom.conversations_since(ANNA.id, just_now())
    assert [(one.id, one.author_id, one.body) for one in found] == [(opened, "814860", "<p>Hello</p>")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messages", {"message_type": "in_app", "body": "x", "from": {"type": "admin", "id": "814860"}}),
        ("/messages", {"message_type": "smoke", "body": "x"}),
        ("/conversations/search", {}),
        ("/conversations/search", {"query": {"field": "id", "operator": "LIKE", "value": "x"}}),
        ("/contacts/search", {"query": {"operator": "AND", "value": "x"}}),
        ("/contacts/search", {"query": {"field": "id", "operator": "=", "value": "x"}, "sort": {"order": "desc"}}),
    ],
)
def test_wrong_request_is_caught(described: Description, path: str, body: object) -> None:
    assert described.problems_of_request("POST", path, body)
