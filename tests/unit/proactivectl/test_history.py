"""Following a message over the tracker's HTTP."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from proactivectl import history
from proactivectl.failures import Failure
from proactivectl.history import History

MESSAGE = UUID("0b5ad1a0-0000-7000-8000-000000000001")


class FakeTracker:
    """Answers with each of `answers` in turn, the last one from then on: a status of a message, or of HTTP."""

    def __init__(self) -> None:
        self.answers: list[str | int] = []
        self.asked: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.json_response({"title": "no"}, status=answer)
        return web.json_response({"status": answer, "timeline": []})


@pytest.fixture
async def tracker() -> AsyncIterator[FakeTracker]:
    fake = FakeTracker()
    app = web.Application()
    app.router.add_get("/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAUSE_SECONDS", 0.01)


async def follow(url: str, seconds: float = 0.2) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        followed = History(session, url, "token").follow("sandbox1", MESSAGE, seconds)
        return [message async for message in followed]


async def test_message_is_followed_until_it_is_final(tracker: FakeTracker) -> None:
    tracker.answers = [404, "queued", "sending", "sent", "delivered", "read"]

    seen = await follow(tracker.url)

    assert [message["status"] for message in seen] == ["queued", "sending", "sent", "delivered"]
    assert tracker.asked[0].path == f"/v1/workspaces/sandbox1/messages/{MESSAGE}"
    assert tracker.asked[0].headers["Authorization"] == "Bearer token"


async def test_following_ends_when_the_time_is_over(tracker: FakeTracker) -> None:
    tracker.answers = ["sent"]

    assert (await follow(tracker.url, seconds=0.05))[-1]["status"] == "sent"


async def test_tracker_in_trouble_is_asked_again(tracker: FakeTracker) -> None:
    tracker.answers = [500, 503, "failed"]

    assert [message["status"] for message in await follow(tracker.url)] == ["failed"]


async def test_tracker_that_never_answers_is_named_with_the_message(tracker: FakeTracker) -> None:
    tracker.answers = [500]

    with pytest.raises(Failure, match=f"{MESSAGE} was published, but the tracker at {tracker.url}"):
        await follow(tracker.url, seconds=0.05)


async def test_refused_token_ends_it_at_once(tracker: FakeTracker) -> None:
    tracker.answers = [401]

    with pytest.raises(Failure, match="refused our token") as raised:
        await follow(tracker.url)

    assert len(tracker.asked) == 1
    assert "PROACTIVE_TRACKER_TOKEN" in raised.value.advice


@pytest.mark.parametrize("status", [500, 503])
async def test_tracker_without_its_database_is_not_called_silent(tracker: FakeTracker, status: int) -> None:
    tracker.answers = [status]

    async with aiohttp.ClientSession(trust_env=False) as session:
        with pytest.raises(Failure, match=f"{tracker.url} has trouble of its own") as raised:
            await History(session, tracker.url, "token").page("sandbox1")

    assert "/readyz" in raised.value.advice
