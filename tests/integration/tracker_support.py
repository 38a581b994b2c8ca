"""status_tracker's storage for a test, and the other parties that it speaks with."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from aiohttp import web

from proactive_contracts.envelope import Event
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Lane
from runtime.http import serve
from runtime.migrations import migrate
from runtime.postgres import Pool, pool
from status_tracker.domain.entries import Request, entry_of
from status_tracker.handlers import Fact, Outcome, Recorder
from status_tracker.storage import SOURCE, history
from status_tracker.storage.history import Remembered


async def prepare(database_url: str) -> None:
    """The tracker's schema, empty."""
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tracker'")
    names = [f"tracker.{row['tablename']}" for row in tables if row["tablename"] != "migration"]
    await connection.execute(f"TRUNCATE {', '.join(names)}")
    await connection.close()


@asynccontextmanager
async def open_storage(database_url: str) -> AsyncIterator[Pool]:
    """A pool on the tracker's empty schema."""
    await prepare(database_url)
    async with pool(database_url, application="test") as opened:
        yield opened


def make_recorder(storage: Pool) -> Recorder:
    """A recorder whose loops are turned by the test."""
    return Recorder(storage, lambda _in_line: None)


def fact_of(event: Event[Any], lane: Lane | None = None) -> Fact:
    """What the worker makes of an event."""
    asked = event.data
    request = Request(event.id, event.time, asked, lane) if isinstance(asked, SendRequested) else None
    return Fact(entry_of(event), request)


async def record(recorder: Recorder, *events: Event[Any]) -> Sequence[Outcome]:
    """Record events one after the other, each in a transaction of its own."""
    return [await recorder.record(fact_of(event)) for event in events]


async def row_of(storage: Pool, request: Event[SendRequested]) -> Remembered:
    """What the history shows of a message."""
    found = await history.message(storage, (request.data.workspace_id, request.data.message_id))
    assert found is not None
    return found


async def announced(storage: Pool) -> list[dict[str, Any]]:
    """The status events in line, in order."""
    rows = await storage.fetch("SELECT event FROM tracker.outgoing ORDER BY seq")
    return [row["event"] for row in rows]


@dataclass
class FakeIntercom:
    """
    Conversations that take notes, and that are opened, as Intercom's REST API has them.

    `answers` says how the next notes end, `openings` how the next POST /messages do: a status, or "lost" for one that
    is done but whose answer is a 500; a note may be "late": done, and answered after `late_seconds`. `found` is whether
    the search finds what was opened.
    """

    answers: list[int | str] = field(default_factory=list)
    openings: list[int | str] = field(default_factory=list)
    contact: dict[str, Any] | None = field(default_factory=lambda: {"id": "6657add46abd0167d9419001", "role": "user"})
    found: bool = True
    names_conversation: bool = True
    opened: list[dict[str, Any]] = field(default_factory=list)
    settled: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    settling: list[int] = field(default_factory=list)
    tries: int = 0
    reset: str = "0"
    late_seconds: float = 1
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    begun_by_others: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0
    writes: int = 0

    async def reply(self, request: web.Request) -> web.Response:
        """POST /conversations/{id}/reply."""
        assert request.headers["Authorization"] == "Bearer token-of-w1"
        self.writes += 1
        body = await request.json()
        answer = self.answers.pop(0) if self.answers else 200
        if answer in (200, "lost", "late"):
            self.notes.append((request.match_info["id"], body["admin_id"], body["body"]))
        if answer == "late":
            await asyncio.sleep(self.late_seconds)
        if answer in (200, "late"):
            return web.json_response(self._conversation(request.match_info["id"]))
        status = 500 if isinstance(answer, str) else answer
        return self._error(status)

    async def look(self, request: web.Request) -> web.Response:
        """GET /conversations/{id}."""
        self.looks += 1
        return web.json_response(self._conversation(request.match_info["id"]))

    async def message(self, request: web.Request) -> web.Response:
        """POST /messages."""
        self.tries += 1
        body = await request.json()
        answer = self.openings.pop(0) if self.openings else 200
        if answer in (200, "lost"):
            self.opened.append(body)
        if answer != 200:
            return self._error(500 if isinstance(answer, str) else answer)
        made = {"type": "admin_message", "id": f"m{len(self.opened)}", "created_at": 1, "message_type": "inapp"}
        named = {"conversation_id": f"new{len(self.opened)}"} if self.names_conversation else {}
        return web.json_response({**made, "body": body["body"], **named})

    async def search(self, request: web.Request) -> web.Response:
        """POST /conversations/search, as far as it is used."""
        query = (await request.json())["query"]
        conditions = {one["field"]: one["value"] for one in query.get("value", ()) if isinstance(one, dict)}
        shown = [
            {
                "type": "conversation",
                "id": f"new{number}",
                "created_at": 1_700_000_000 + number,
                "source": _source("admin", str(body["from"]["id"]), "admin_initiated", body["body"]),
            }
            for number, body in enumerate(self.opened, 1)
            if self.found and body["to"]["id"] == conditions.get("contact_ids")
        ]
        begun = [{"type": "conversation", "id": f"other{at}", **one} for at, one in enumerate(self.begun_by_others, 1)]
        return web.json_response({"type": "conversation.list", "conversations": [*begun, *shown]})

    def begin(self, author_type: str, author_id: str, delivered_as: str, html: str) -> None:
        """Somebody else begins a conversation with the contact."""
        self.begun_by_others.append({"source": _source(author_type, author_id, delivered_as, html)})

    async def settle(self, request: web.Request) -> web.Response:
        """PUT /conversations/{id} and POST /conversations/{id}/parts."""
        if self.settling and (status := self.settling.pop(0)) != 200:
            return self._error(status)
        self.settled.append((request.match_info["id"], await request.json()))
        return web.json_response({"type": "conversation", "id": request.match_info["id"]})

    async def get_contact(self, request: web.Request) -> web.Response:
        """GET /contacts/{id}."""
        return self._error(404) if self.contact is None else web.json_response(self.contact)

    def _error(self, status: int) -> web.Response:
        return web.json_response(
            {"type": "error.list", "errors": [{"code": "made_up", "message": "as the test wants"}]},
            status=status,
            headers={"X-RateLimit-Reset": self.reset},
        )

    def _conversation(self, conversation_id: str) -> dict[str, Any]:
        parts = [
            {"type": "conversation_part", "id": str(number), "part_type": "note", "body": body}
            for number, (where, _, body) in enumerate(self.notes)
            if where == conversation_id
        ]
        wrapped = {"type": "conversation_part.list", "conversation_parts": parts, "total_count": len(parts)}
        return {"type": "conversation", "id": conversation_id, "conversation_parts": wrapped}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve it; yields the base URL."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/conversations/{id}/reply", self.reply),
                web.post("/conversations/search", self.search),
                web.post("/conversations/{id}/parts", self.settle),
                web.put("/conversations/{id}", self.settle),
                web.get("/conversations/{id}", self.look),
                web.get("/contacts/{id}", self.get_contact),
                web.post("/messages", self.message),
            ]
        )
        async with serve(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"


def _source(author_type: str, author_id: str, delivered_as: str, html: str) -> dict[str, Any]:
    """How a conversation began, with the tags that Intercom writes."""
    author = {"type": author_type, "id": author_id}
    return {"delivered_as": delivered_as, "body": html.replace("<p>", '<p class="x">'), "author": author}


@dataclass
class FakeJobs:
    """
    The dispatcher's operators' HTTP: 200 for `known`, `status` for everything else; or a stranger in its place.

    `says` is what it answers of those that it knows.
    """

    known: set[UUID] = field(default_factory=set)
    says: dict[str, Any] = field(default_factory=dict)
    status: int = 404
    content_type: str = "application/problem+json"
    asked: list[str] = field(default_factory=list)

    async def job(self, request: web.Request) -> web.Response:
        """GET /v1/workspaces/{workspace_id}/jobs/{message_id}."""
        assert request.headers["Authorization"] == "Bearer operators-token"
        self.asked.append(request.match_info["message_id"])
        taken = UUID(request.match_info["message_id"]) in self.known
        if taken:
            return web.json_response(self.says)
        return web.json_response({}, status=self.status, content_type=self.content_type)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve it; yields the base URL."""
        app = web.Application()
        app.add_routes([web.get("/v1/workspaces/{workspace_id}/jobs/{message_id}", self.job)])
        async with serve(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"
