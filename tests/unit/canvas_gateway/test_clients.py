"""The clients of tracker, Intercom, directory and broker: their troubles become ours, one for one."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from aiohttp import web
from pydantic import SecretStr

from canvas_gateway.bus import RequestBus
from canvas_gateway.connected import ConnectedWorkspaces
from canvas_gateway.contacts import IntercomContacts
from canvas_gateway.domain.history import SearchRefused, SearchTrouble, Standing
from canvas_gateway.domain.outcome import Published
from canvas_gateway.domain.state import Filter
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Workspace
from canvas_gateway.history import TrackedHistory
from directory.channels import Channels
from directory.errors import SecretUnreadable
from directory.workspaces import Workspaces
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import request_id, text_digest
from proactive_contracts.values import Channel
from runtime.amqp.publisher import NotPublished, Publisher, Unconfirmed, Unroutable
from runtime.http import client_session, serve
from tests.unit.canvas_gateway.builders import ATHENS, NOW, make_message, make_request

SANDBOX = Workspace("sandbox1", ATHENS, "us")


class Peer:
    """An HTTP service that answers what it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {}
        self.headers: dict[str, str] = {}
        self.delay = 0.0
        self.asked: list[web.Request] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await asyncio.sleep(self.delay)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(status=self.status, text=text, headers=self.headers, content_type="application/json")


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with serve(app, "127.0.0.1", 0) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


async def test_history_reads_a_message_with_its_token(peer: Peer) -> None:
    message = make_message()
    peer.body = {**message.model_dump(mode="json"), "something_new": 1}
    async with client_session(5) as session:
        tracked = TrackedHistory(session, peer.url + "/", SecretStr("service token"))
        assert await tracked.message("sandbox1", message.message_id, 2) == message
    assert peer.asked[0].headers["Authorization"] == "Bearer service token"
    assert peer.asked[0].path == f"/v1/workspaces/sandbox1/messages/{message.message_id}"


async def test_history_page_asks_only_for_what_is_wanted(peer: Peer) -> None:
    peer.body = {"messages": [make_message().model_dump(mode="json")], "next_cursor": "abc"}
    async with client_session(5) as session:
        tracked = TrackedHistory(session, peer.url, SecretStr("t"))
        page = await tracked.page("sandbox1", limit=10, seconds=2, requested_by="814860", cursor="a/b=")
    assert page.next_cursor == "abc"
    assert dict(peer.asked[0].query) == {"limit": "10", "requested_by": "814860", "cursor": "a/b="}


async def test_history_page_asks_for_what_the_filter_says(peer: Peer) -> None:
    peer.body = {"messages": []}
    wanted = Filter(channel=Channel.VIBER, standing=Standing.MAY_BE_SENT, search="+49 151 12345678")
    async with client_session(5) as session:
        await TrackedHistory(session, peer.url, SecretStr("t")).page("w", limit=10, seconds=2, wanted=wanted)
    assert dict(peer.asked[0].query) == {
        "limit": "10",
        "channel": "viber",
        "status": "unknown,not_confirmed",
        "search": "+49 151 12345678",
    }


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("urn:proactive:search-unclear", SearchTrouble.UNCLEAR),
        ("urn:proactive:search-ends-too-many-numbers", SearchTrouble.TOO_MANY),
    ],
)
async def test_search_that_the_history_refuses_is_told_from_trouble(peer: Peer, kind: str, why: SearchTrouble) -> None:
    peer.status, peer.body = 400, {"type": kind, "title": "x", "status": 400, "detail": "x"}
    async with client_session(5) as session:
        with pytest.raises(SearchRefused) as refused:
            await TrackedHistory(session, peer.url, SecretStr("t")).page("w", limit=10, seconds=2)
    assert refused.value.why is why


@pytest.mark.parametrize("body", [{"type": "about:blank"}, {}, [], "x", None, {"type": []}])
async def test_other_refusals_of_a_page_are_history_down(peer: Peer, body: Any) -> None:
    peer.status, peer.body = 400, body
    async with client_session(5) as session:
        with pytest.raises(Interruption) as down:
            await TrackedHistory(session, peer.url, SecretStr("t")).page("w", limit=10, seconds=2)
    assert down.value.kind is Kind.HISTORY_DOWN


async def test_repeat_is_asked_for_by_the_digest_of_its_text(peer: Peer) -> None:
    peer.body = {"messages": [make_message().model_dump(mode="json")], "next_cursor": None}
    message_id = uuid4()
    async with client_session(5) as session:
        tracked = TrackedHistory(session, peer.url, SecretStr("t"))
        assert (
            await tracked.repeated("sandbox1", "+4915112345678", "Your parcel", message_id, None, 2) == make_message()
        )
        peer.body = {"messages": [], "next_cursor": None}
        assert await tracked.repeated("sandbox1", "+4915112345678", "Your parcel", message_id, None, 2) is None
        peer.status = 404  # a tracker of an earlier release
        assert await tracked.repeated("sandbox1", "+4915112345678", "Your parcel", message_id, None, 2) is None
    assert peer.asked[0].path == "/v1/workspaces/sandbox1/repeated"
    assert dict(peer.asked[0].query) == {
        "recipient": "+4915112345678",
        "text_digest": text_digest("Your parcel"),
        "message_id": str(message_id),
    }


async def test_message_that_is_not_there_is_none(peer: Peer) -> None:
    peer.status = 404
    async with client_session(5) as session:
        assert await TrackedHistory(session, peer.url, SecretStr("t")).message("w", uuid4(), 2) is None


@pytest.mark.parametrize(
    ("status", "body", "delay"),
    [(500, {}, 0), (401, {}, 0), (302, {}, 0), (200, "{", 0), (200, {"message_id": 1}, 0), (200, {}, 1)],
)
async def test_every_other_answer_is_history_down(peer: Peer, status: int, body: Any, delay: float) -> None:
    peer.status, peer.body, peer.delay = status, body, delay
    async with client_session(5) as session:
        with pytest.raises(Interruption) as down:
            await TrackedHistory(session, peer.url, SecretStr("t")).message("w", uuid4(), 0.2)
    assert down.value.kind is Kind.HISTORY_DOWN


async def test_tracker_that_is_not_there_is_history_down() -> None:
    async with client_session(5) as session:
        with pytest.raises(Interruption):
            await TrackedHistory(session, "http://127.0.0.1:9", SecretStr("t")).page("w", limit=2, seconds=1)


async def _token(_workspace_id: str) -> str:
    return "token"


@pytest.mark.parametrize(
    ("status", "headers", "delay", "kind"),
    [
        (401, {}, 0, Kind.INTERCOM_REFUSED),
        (429, {}, 0, Kind.INTERCOM_BUSY),
        (503, {}, 0, Kind.INTERCOM_FAILED),
        (200, {}, 1, Kind.INTERCOM_SLOW),
    ],
)
async def test_intercoms_troubles_have_their_own_answers(
    peer: Peer, status: int, headers: dict[str, str], delay: float, kind: Kind
) -> None:
    peer.status, peer.headers, peer.delay = status, headers, delay
    async with client_session(5) as session:
        with pytest.raises(Interruption) as trouble:
            await IntercomContacts(session, _token, peer.url).find(SANDBOX, "email", "a@example.org", 0.2)
    assert trouble.value.kind is kind


async def test_intercom_that_hangs_up_is_down() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server, client_session(5) as session:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Interruption) as trouble:
            await IntercomContacts(session, _token, url).get(SANDBOX, "6657", 2)
    assert trouble.value.kind is Kind.INTERCOM_DOWN


async def test_intercom_that_is_not_there_is_down() -> None:
    async with client_session(5) as session:
        with pytest.raises(Interruption) as trouble:
            await IntercomContacts(session, _token, "http://127.0.0.1:9").get(SANDBOX, "6657", 2)
    assert trouble.value.kind is Kind.INTERCOM_DOWN


async def test_found_people_are_cut_to_what_a_panel_can_carry(peer: Peer) -> None:
    peer.body = {"type": "list", "data": [{"id": "1", "role": "user", "name": "x" * 500, "phone": "+30 694"}]}
    async with client_session(5) as session:
        (person,) = await IntercomContacts(session, _token, peer.url).find(SANDBOX, "phone", "+30 694", 2)
    assert person.name == "x" * 200
    assert person.phone == "+30 694"


async def test_found_people_are_read_without_what_no_text_can_hold(peer: Peer) -> None:
    peer.body = (
        '{"type": "list", "data": [{"id": "1", "role": "user", "name": "An\\u0000na\\ud800", "phone": "\\u0000"}]}'
    )
    async with client_session(5) as session:
        (person,) = await IntercomContacts(session, _token, peer.url).find(SANDBOX, "email", "a@example.org", 2)
    assert (person.name, person.phone) == ("Anna", None)


async def test_nobody_is_an_empty_answer(peer: Peer) -> None:
    peer.status = 404
    async with client_session(5) as session:
        contacts = IntercomContacts(session, _token, peer.url)
        assert await contacts.get(SANDBOX, "6657", 2) is None


class Broker:
    """A publisher that ends as it is told."""

    connected = True

    def __init__(self, ends: Exception | None) -> None:
        self.ends = ends

    async def send(self, event: object, **_: object) -> None:
        if self.ends is not None:
            raise self.ends


@pytest.mark.parametrize(
    ("ends", "published"),
    [
        (None, Published.CONFIRMED),
        (Unroutable("x"), Published.UNROUTABLE),
        (Unconfirmed("x"), Published.UNCONFIRMED),
        (NotPublished("x"), Published.NOT_PUBLISHED),
    ],
)
async def test_each_end_of_a_publish_has_its_word(ends: Exception | None, published: Published) -> None:
    request = make_request()
    event = make_event(request, id=request_id(request), time=NOW, source="canvas_gateway")
    assert await RequestBus(cast(Publisher, Broker(ends))).publish(event, 1) is published


class Table:
    """The directory's workspaces, or what reading them ends with."""

    def __init__(self, found: object = None, ends: Exception | None = None) -> None:
        self.found, self.ends = found, ends

    async def get(self, _workspace_id: str) -> object:
        return await self.token(_workspace_id)

    async def token(self, _workspace_id: str) -> object:
        if self.ends is not None:
            raise self.ends
        return self.found


def _connected(table: Table) -> ConnectedWorkspaces:
    return ConnectedWorkspaces(cast(Workspaces, table), cast(Channels, None))


async def test_workspace_has_its_time_zone_or_utc_where_that_is_unknown() -> None:
    known = SimpleNamespace(id="w", region="eu", time_zone="Europe/Athens")
    assert str((await _connected(Table(known)).workspace("w")).zone) == "Europe/Athens"  # type: ignore[union-attr]
    odd = SimpleNamespace(id="w", region="eu", time_zone="Nowhere/../etc")
    assert str((await _connected(Table(odd)).workspace("w")).zone) == "UTC"  # type: ignore[union-attr]
    assert await _connected(Table(None)).workspace("w") is None


@pytest.mark.parametrize("error", [OSError(), TimeoutError(), ConnectionRefusedError()])
async def test_database_that_does_not_answer_is_directory_down(error: Exception) -> None:
    with pytest.raises(Interruption) as trouble:
        await _connected(Table(ends=error)).workspace("w")
    assert trouble.value.kind is Kind.DIRECTORY_DOWN


async def test_token_that_cannot_be_opened_is_refused_by_name() -> None:
    with pytest.raises(Interruption) as trouble:
        await _connected(Table(ends=SecretUnreadable("x"))).token("w")
    assert trouble.value.kind is Kind.INTERCOM_REFUSED
