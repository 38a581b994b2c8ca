"""Servers and clients with the same manners."""

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from runtime.http import client_session, errors_as_problems, problem, require_bearer, serve

PROBLEM = "application/problem+json"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with client_session(5) as session:
        yield session


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def named(request: web.Request) -> web.Response:
    return web.Response(text=request.headers["User-Agent"])


async def fail(_request: web.Request) -> web.Response:
    raise RuntimeError("the password is s3cret")


async def forbid(_request: web.Request) -> web.Response:
    raise web.HTTPForbidden(text="Ask an administrator.")


async def move(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/hello")


@pytest.fixture
async def base() -> AsyncIterator[str]:
    tokens = [SecretStr("new-token"), SecretStr("old-token")]
    app = web.Application(middlewares=[errors_as_problems, require_bearer(tokens, {"/open"})])
    app.add_routes(
        [web.get("/open", hello), web.get("/hello", hello), web.get("/fail", fail), web.get("/named", named)]
    )
    app.add_routes([web.get("/forbid", forbid), web.get("/move", move)])
    async with serve(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_whoever_is_called_learns_who_calls(client: aiohttp.ClientSession, base: str) -> None:
    async with client.get(f"{base}/named", headers=bearing("new-token")) as answer:
        assert re.fullmatch(r"Proactive/\d+\.\d+\.\d+", await answer.text())


@pytest.mark.parametrize("header", ["Bearer new-token", "Bearer old-token", "bearer  new-token"])
async def test_known_token_gets_in(client: aiohttp.ClientSession, base: str, header: str) -> None:
    async with client.get(f"{base}/hello", headers={"Authorization": header}) as answer:
        assert (answer.status, await answer.text()) == (200, "hello")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer other", "Basic new-token", "new-token", "Bearer new-token x", "Bearer é"],
)
async def test_any_other_gets_401_as_a_problem(client: aiohttp.ClientSession, base: str, header: str) -> None:
    async with client.get(f"{base}/hello", headers={"Authorization": header}) as answer:
        assert answer.status == 401
        assert answer.content_type == PROBLEM
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await answer.json(content_type=PROBLEM))["status"] == 401


async def test_token_of_raw_bytes_gets_401(base: str) -> None:
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_open_path_needs_no_token(client: aiohttp.ClientSession, base: str) -> None:
    async with client.get(f"{base}/open") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/fail", 500, "The request failed on our side; it was logged. Try again."),
        ("/forbid", 403, "Ask an administrator."),
        ("/nothing", 404, "404: Not Found"),
    ],
)
async def test_error_is_a_problem_and_leaks_nothing(
    client: aiohttp.ClientSession, base: str, path: str, status: int, detail: str
) -> None:
    async with client.get(base + path, headers=bearing("new-token")) as answer:
        assert answer.status == status
        said = await answer.json(content_type=PROBLEM)
        assert (said["status"], said["detail"]) == (status, detail)
        assert said["title"]


async def test_redirect_is_no_error(client: aiohttp.ClientSession, base: str) -> None:
    async with client.get(f"{base}/move", headers=bearing("new-token"), allow_redirects=False) as answer:
        assert answer.status == 302


async def test_problem_is_as_rfc_9457_has_it() -> None:
    answer = problem(404, "Not found", "No message has this id.")
    assert (answer.status, answer.content_type) == (404, PROBLEM)


async def test_request_in_flight_is_answered_before_the_server_closes(client: aiohttp.ClientSession) -> None:
    reached = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        reached.set()
        await asyncio.sleep(0.2)
        return web.Response(text="done")

    app = web.Application()
    app.add_routes([web.get("/slow", slow)])
    async with serve(app, "127.0.0.1", 0) as port:
        asking = asyncio.ensure_future(client.get(f"http://127.0.0.1:{port}/slow"))
        await reached.wait()
    async with await asking as answer:
        assert await answer.text() == "done"


async def test_taken_port_is_an_error() -> None:
    async with serve(web.Application(), "127.0.0.1", 0) as port:
        with pytest.raises(OSError):
            async with serve(web.Application(), "127.0.0.1", port):
                pass


async def test_client_gives_up_in_time_and_keeps_no_cookies() -> None:
    async def tempt(_request: web.Request) -> web.Response:
        answer = web.Response(text=str(len(_request.cookies)))
        answer.set_cookie("session", "1")
        return answer

    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/tempt", tempt), web.get("/hang", hang)])
    async with serve(app, "127.0.0.1", 0) as port, client_session(0.2) as session:
        for _ in range(2):
            async with session.get(f"http://127.0.0.1:{port}/tempt") as answer:
                assert await answer.text() == "0"
        with pytest.raises(TimeoutError):
            await session.get(f"http://127.0.0.1:{port}/hang")
