"""Every way in which Intercom does not do what was asked, and the error that it becomes."""

import asyncio
import socket
import time

import aiohttp
import pytest
from aiohttp import web

from intercom_api import (
    Intercom,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
)
from tests.unit.intercom_api.fake_intercom import FakeIntercom, drops, refuses, says

NOTE = "POST /conversations/1/reply"


async def write(intercom: Intercom) -> None:
    await intercom.add_note("1", "814860", "<p>Sent</p>")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "parameter_invalid", Refused),
        (401, "unauthorized", Unauthorized),
        (403, "api_plan_restricted", Unauthorized),
        (404, "admin_not_found", NotFound),
        (408, "request_timeout", NoAnswer),
        (409, "conflict", Refused),
        (422, "type_mismatch", Refused),
        (500, "server_error", NoAnswer),
        (503, "service_unavailable", NoAnswer),
    ],
)
async def test_status_becomes_its_error(
    fake: FakeIntercom, intercom: Intercom, status: int, code: str, expected: type[Exception]
) -> None:
    fake.answers(NOTE, refuses(status, code, "Words of Intercom"))

    with pytest.raises(expected, match=f"{status} {code} Words of Intercom") as raised:
        await write(intercom)

    assert type(raised.value) is expected
    assert len(fake.asked) == 1


async def test_refusal_keeps_status_code_and_words(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(NOTE, refuses(422, "type_mismatch", "Words of Intercom"))

    with pytest.raises(Refused) as raised:
        await write(intercom)

    assert (raised.value.status, raised.value.code) == (422, "type_mismatch")
    assert raised.value.detail == "Words of Intercom"


@pytest.mark.parametrize(("reset_in", "least", "most"), [(8, 6, 8), (-5, 1, 1), (86400, 60, 60), (float("nan"), 1, 1)])
async def test_rate_limit_says_when_to_ask_again(
    fake: FakeIntercom, intercom: Intercom, reset_in: float, least: float, most: float
) -> None:
    fake.answers(NOTE, says(429, {}, X_RateLimit_Reset=str(time.time() + reset_in)))

    with pytest.raises(RateLimited) as raised:
        await write(intercom)

    assert least <= raised.value.retry_after_seconds <= most


async def test_rate_limit_without_a_reset_waits_one_window(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(NOTE, refuses(429, "rate_limit_exceeded"))

    with pytest.raises(RateLimited) as raised:
        await write(intercom)

    assert raised.value.retry_after_seconds == 10


async def test_closed_port_is_unreachable(session: aiohttp.ClientSession) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Intercom(session, f"http://127.0.0.1:{unused.getsockname()[1]}", "t", timeout_seconds=1)

        with pytest.raises(Unreachable):
            await write(nobody)


async def test_answer_that_comes_too_late_is_no_answer(fake: FakeIntercom, session: aiohttp.ClientSession) -> None:
    async def late(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response({})

    fake.answers(NOTE, late)

    with pytest.raises(NoAnswer, match="no answer within"):
        await write(Intercom(session, fake.base_url, "t", timeout_seconds=0.05))


async def test_write_whose_connection_dropped_is_not_repeated(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers(NOTE, drops)

    with pytest.raises(NoAnswer, match="lost before an answer"):
        await write(intercom)

    assert len(fake.asked) == 1


async def test_search_whose_connection_dropped_is_asked_again(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("POST /contacts/search", drops, says(200, {"data": []}))

    assert await intercom.find_by_email("anna@example.com") == []
    assert len(fake.asked) == 2


async def test_redirect_is_not_followed(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("GET /me", says(302, {}, Location="/contacts/elsewhere"))

    with pytest.raises(Refused, match="302"):
        await intercom.me()

    assert fake.asked == [("GET", "/me")]


async def test_answer_that_is_too_long_is_not_read(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("GET /me", says(200, {"filling": "x" * 1024 * 1024}))

    with pytest.raises(NoAnswer, match="longer than 1048576 bytes"):
        await intercom.me()


@pytest.mark.parametrize("body", [[], "text", {}, {"id": None}])
async def test_answer_of_another_shape_is_no_answer(fake: FakeIntercom, intercom: Intercom, body: object) -> None:
    fake.answers("GET /contacts/6657add46abd0167d9419001", says(200, body))

    with pytest.raises(NoAnswer):
        await intercom.get_contact("6657add46abd0167d9419001")


async def test_answer_that_is_no_json_is_no_answer(fake: FakeIntercom, intercom: Intercom) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>")

    fake.answers("GET /me", page)

    with pytest.raises(NoAnswer, match="no JSON object"):
        await intercom.me()


async def test_error_never_holds_the_token(fake: FakeIntercom, intercom: Intercom) -> None:
    fake.answers("GET /me", refuses(401, "unauthorized"))

    with pytest.raises(Unauthorized) as raised:
        await intercom.me()

    assert "token-of-test" not in str(raised.value)
