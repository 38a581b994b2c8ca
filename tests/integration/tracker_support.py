"""status_tracker's storage for a test, and the other parties that it speaks with."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from aiohttp import web

from proactive_contracts.envelope import Event
from proactive_contracts.requests import SendRequested
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
    return Recorder(storage, lambda: None)


def fact_of(event: Event[Any]) -> Fact:
    """What the worker makes of an event."""
    asked = event.data
    request = Request(event.id, event.time, asked) if isinstance(asked, SendRequested) else None
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
    Conversations that take notes, as Intercom's REST API has them.

    `answers` says how the next writes end: a status, or "lost" for one that is done but whose answer is a 500.
    """

    answers: list[int | str] = field(default_factory=list)
    reset: str = "0"
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    looks: int = 0
    writes: int = 0

    async def reply(self, request: web.Request) -> web.Response:
        """POST /conversations/{id}/reply."""
        assert request.headers["Authorization"] == "Bearer token-of-w1"
        self.writes += 1
        body = await request.json()
        answer = self.answers.pop(0) if self.answers else 200
        if answer in (200, "lost"):
            self.notes.append((request.match_info["id"], body["admin_id"], body["body"]))
        if answer == 200:
            return web.json_response(self._conversation(request.match_info["id"]))
        status = 500 if isinstance(answer, str) else answer
        return web.json_response(
            {"type": "error.list", "errors": [{"code": "made_up", "message": "as the test wants"}]},
            status=status,
            headers={"X-RateLimit-Reset": self.reset},
        )

    async def look(self, request: web.Request) -> web.Response:
        """GET /conversations/{id}."""
        self.looks += 1
        return web.json_response(self._conversation(request.match_info["id"]))

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
        app.add_routes([web.post("/conversations/{id}/reply", self.reply), web.get("/conversations/{id}", self.look)])
        async with serve(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"


@dataclass
class FakeJobs:
    """The dispatcher's operators' HTTP: 200 for `known`, `status` for everything else."""

    known: set[UUID] = field(default_factory=set)
    status: int = 404
    asked: list[str] = field(default_factory=list)

    async def job(self, request: web.Request) -> web.Response:
        """GET /v1/workspaces/{workspace_id}/jobs/{message_id}."""
        assert request.headers["Authorization"] == "Bearer operators-token"
        self.asked.append(request.match_info["message_id"])
        taken = UUID(request.match_info["message_id"]) in self.known
        return web.json_response({}, status=200 if taken else self.status)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve it; yields the base URL."""
        app = web.Application()
        app.add_routes([web.get("/v1/workspaces/{workspace_id}/jobs/{message_id}", self.job)])
        async with serve(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"
