"""Connecting a workspace in the browser, with a real directory and Intercom played."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from pydantic import SecretStr

from canvas_gateway.oauth import COOKIE, OAuthApp, OAuthEndpoints
from directory import SOURCE, Installs, Vault, Workspace, Workspaces
from runtime import postgres
from runtime.http import client_session, serve
from runtime.migrations import migrate
from tests.support.logs import captured_logs

CODE = "dG9rOm1hZGUtdXA+Lw=="
VAULT = Vault([SecretStr(Fernet.generate_key().decode())])
IDENTITY: dict[str, Any] = {
    "type": "admin",
    "id": "814860",
    "name": "Maria Lopez",
    "email": "maria@example.com",
    "app": {"id_code": "abc123", "name": "<b>Example</b> & Co", "region": "EU", "timezone": "Europe/Berlin"},
}


@dataclass
class PlayedIntercom:
    """Exchanges one code, and says whose token it is."""

    identity: dict[str, Any] = field(default_factory=lambda: IDENTITY)
    token_status: int = 200
    me_status: int = 200
    seconds: float = 0
    forms: list[dict[str, Any]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.forms.append(form)
        await asyncio.sleep(self.seconds)
        if self.token_status == 0:
            assert request.transport is not None
            request.transport.abort()
        if self.token_status != 200 or form["code"] != CODE:
            return self._error(401 if self.token_status == 200 else self.token_status)
        return web.json_response({"token_type": "Bearer", "token": "tok-1", "access_token": "tok-1"})

    async def me(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer tok-1"
        return web.json_response(self.identity) if self.me_status == 200 else self._error(self.me_status)

    def _error(self, status: int) -> web.Response:
        errors = [{"code": "unauthorized", "message": "Unauthorized Code"}]
        return web.json_response({"type": "error.list", "errors": errors}, status=status)

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.post("/auth/eagle/token", self.token), web.get("/me", self.me)])
        return app


@dataclass
class Scene:
    """A gateway's public port, and a browser that keeps cookies."""

    url: str
    intercom: PlayedIntercom
    workspaces: Workspaces
    pool: postgres.Pool
    browser: aiohttp.ClientSession

    async def gets(self, path: str, **query: str) -> tuple[aiohttp.ClientResponse, str]:
        async with self.browser.get(self.url + path, params=query, allow_redirects=False) as answer:
            return answer, await answer.text()

    async def begins(self) -> str:
        """Start; the state that Intercom would bring back."""
        answer, _ = await self.gets("/intercom/install")
        assert answer.status == 302
        return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]

    async def installs(self, code: str = CODE) -> tuple[aiohttp.ClientResponse, str]:
        return await self.gets("/intercom/callback", state=await self.begins(), code=code)

    async def connected(self) -> list[str]:
        return [workspace.id for workspace in await self.workspaces.list()]


APP = OAuthApp(
    client_id="client-1",
    client_secret=SecretStr("client secret"),
    authorize_url="https://app.intercom.example/oauth",
)


@pytest.fixture
async def scene(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    connection = await asyncpg.connect(database_url)
    await migrate(connection, [SOURCE])
    await connection.execute("TRUNCATE directory.install, directory.workspace CASCADE")
    await connection.close()
    intercom = PlayedIntercom()
    changes = getattr(request, "param", {})
    async with (
        postgres.pool(database_url, application="test", size=3) as pool,
        serve(intercom.application(), "127.0.0.1", 0) as intercom_port,
        client_session(5) as outgoing,
    ):
        workspaces = Workspaces(pool, VAULT)
        settings = {"intercom_url": f"http://127.0.0.1:{intercom_port}", **changes}
        app = web.Application()
        OAuthEndpoints(replace(APP, **settings), outgoing, Installs(pool), workspaces).add_to(app)
        jar = aiohttp.CookieJar(unsafe=True)
        async with serve(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(cookie_jar=jar) as browser:
            yield Scene(f"http://127.0.0.1:{port}", intercom, workspaces, pool, browser)


async def test_install_leads_to_intercom_with_a_state_for_this_browser(scene: Scene) -> None:
    answer, _ = await scene.gets("/intercom/install")
    location = urlsplit(answer.headers["Location"])
    query = parse_qs(location.query)
    assert f"{location.scheme}://{location.netloc}{location.path}" == "https://app.intercom.example/oauth"
    assert set(query) == {"client_id", "state"}
    assert query["client_id"] == ["client-1"]
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/intercom"))
    assert "Secure" not in cookie
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("forwarded", "secure"),
    [("https", True), ("HTTPS, http", True), ("https,http", True), ("http, https", False), ("", False)],
)
async def test_cookie_is_secure_behind_tls(scene: Scene, forwarded: str, secure: bool) -> None:
    headers = {"X-Forwarded-Proto": forwarded}
    async with scene.browser.get(f"{scene.url}/intercom/install", headers=headers, allow_redirects=False) as answer:
        assert ("Secure" in answer.headers["Set-Cookie"]) is secure


async def test_code_becomes_a_connected_workspace_with_a_sealed_token(scene: Scene) -> None:
    answer, page = await scene.installs()
    assert answer.status == 200
    assert "&lt;b&gt;Example&lt;/b&gt; &amp; Co is connected" in page
    assert scene.intercom.forms == [{"code": CODE, "client_id": "client-1", "client_secret": "client secret"}]
    expected = Workspace(
        id="abc123",
        name="<b>Example</b> & Co",
        region="eu",
        time_zone="Europe/Berlin",
        default_admin_id="814860",
    )
    assert await scene.workspaces.get("abc123") == expected
    assert await scene.workspaces.token("abc123") == "tok-1"
    assert "tok-1" not in await scene.pool.fetchval("SELECT workspace::text FROM directory.workspace")


async def test_plus_sign_of_a_code_survives_the_query(scene: Scene) -> None:
    state = await scene.begins()
    answer, _ = await scene.gets(f"/intercom/callback?state={state}&code={CODE}")
    assert answer.status == 200
    assert scene.intercom.forms[0]["code"] == CODE


async def test_connected_workspace_gets_a_new_token_and_the_page_says_so(scene: Scene) -> None:
    known = Workspace(id="abc123", name="Ours", region="us", time_zone="Europe/Athens", open_new_assign=True)
    await scene.workspaces.put(known, "old")
    answer, page = await scene.installs()
    assert answer.status == 200
    assert "was connected already" in page
    assert "access to Intercom has been renewed" in page
    assert await scene.workspaces.token("abc123") == "tok-1"
    assert await scene.workspaces.get("abc123") == replace(known, region="eu")


async def test_state_is_good_once(scene: Scene) -> None:
    answer, _ = await scene.gets("/intercom/install")
    state = parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]
    value = answer.cookies[COOKIE].value
    assert (await scene.gets("/intercom/callback", state=state, code=CODE))[0].status == 200
    cookies = {"Cookie": f"{COOKIE}={value}"}
    url = f"{scene.url}/intercom/callback"
    async with scene.browser.get(url, params={"state": state, "code": CODE}, headers=cookies) as again:
        assert again.status == 400
        assert "This attempt is over" in await again.text()
    assert len(scene.intercom.forms) == 1


async def test_other_browser_cannot_bring_the_state_back(scene: Scene) -> None:
    state = await scene.begins()
    async with aiohttp.ClientSession() as other:
        url = f"{scene.url}/intercom/callback"
        async with other.get(url, params={"state": state, "code": CODE}) as answer:
            assert answer.status == 400
            assert "begun elsewhere" in await answer.text()
    assert await scene.connected() == []
    assert scene.intercom.forms == []


@pytest.mark.parametrize("query", [{}, {"state": "made up"}, {"state": "x" * 5_000}, {"code": CODE}])
async def test_callback_without_our_state_does_nothing(scene: Scene, query: dict[str, str]) -> None:
    await scene.begins()
    answer, page = await scene.gets("/intercom/callback", **{"code": CODE, **query})
    assert answer.status == 400
    assert "This attempt is over" in page
    assert scene.intercom.forms == []


async def test_state_that_is_too_old_does_nothing(scene: Scene) -> None:
    state = await scene.begins()
    await scene.pool.execute("UPDATE directory.install SET expires_at = now() - interval '1 second'")
    answer, page = await scene.gets("/intercom/callback", state=state, code=CODE)
    assert (answer.status, "within ten minutes" in page) == (400, True)


DECLINED = "Access was declined at Intercom. A workspace that was connected before stays connected."


async def test_declined_consent_says_that_nothing_was_changed(scene: Scene) -> None:
    await scene.installs()
    answer, page = await scene.gets("/intercom/callback", state=await scene.begins(), error="access_denied")
    assert answer.status == 200
    assert "Nothing was changed" in page
    assert DECLINED in page
    assert "cannot read or write" not in page
    assert 'href="/intercom/install"' in page
    assert await scene.pool.fetchval("SELECT count(*) FROM directory.install") == 0
    assert await scene.connected() == ["abc123"]


async def test_declined_consent_of_an_attempt_that_is_over_says_the_same(scene: Scene) -> None:
    answer, page = await scene.gets("/intercom/callback", error="access_denied")
    assert (answer.status, DECLINED in page) == (200, True)


@pytest.mark.parametrize("query", [{}, {"state": "made up"}])
async def test_reason_is_not_shown_where_the_state_does_not_fit(scene: Scene, query: dict[str, str]) -> None:
    await scene.begins()
    answer, page = await scene.gets("/intercom/callback", error="Call +1 555 0100", **query)
    assert (answer.status, "This attempt is over" in page, "555" in page) == (400, True, False)


async def test_reason_is_not_shown_to_another_browser(scene: Scene) -> None:
    state = await scene.begins()
    async with aiohttp.ClientSession() as other:
        query = {"state": state, "error": "Call +1 555 0100"}
        async with other.get(f"{scene.url}/intercom/callback", params=query) as answer:
            assert "555" not in await answer.text()


@pytest.mark.parametrize("brought", [{"code": CODE}, {"error": "access_denied"}, {"error": "other"}])
async def test_old_tab_does_not_end_the_newest_attempt(scene: Scene, brought: dict[str, str]) -> None:
    old, newest = await scene.begins(), await scene.begins()
    answer, page = await scene.gets("/intercom/callback", state=old, **brought)
    assert "Set-Cookie" not in answer.headers
    assert ("A newer attempt took the place of this one" in page) == (brought.get("error") != "access_denied")
    answer, page = await scene.gets("/intercom/callback", state=newest, code=CODE)
    assert (answer.status, "is connected" in page) == (200, True)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("query", [{}, {"state": "made up"}, {"error": "access_denied"}])
async def test_link_of_a_stranger_does_not_end_an_attempt(scene: Scene, query: dict[str, str]) -> None:
    state = await scene.begins()
    await scene.gets("/intercom/callback", **query)
    assert (await scene.gets("/intercom/callback", state=state, code=CODE))[0].status == 200


async def test_other_errors_of_intercom_are_named_without_their_markup(scene: Scene) -> None:
    answer, page = await scene.gets("/intercom/callback", state=await scene.begins(), error="<script>x</script>")
    assert answer.status == 400
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_missing_code_says_so(scene: Scene) -> None:
    answer, page = await scene.gets("/intercom/callback", state=await scene.begins())
    assert (answer.status, "Intercom sent no code" in page) == (400, True)


async def test_bad_code_says_so_and_connects_nothing(scene: Scene) -> None:
    answer, page = await scene.installs("other")
    assert (answer.status, "did not accept its code" in page) == (400, True)
    assert await scene.connected() == []


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"token_status": 500}, 502, "Something went wrong at Intercom"),
        ({"token_status": 408}, 502, "Something went wrong at Intercom"),
        ({"token_status": 429}, 503, "Intercom is busy"),
        ({"token_status": 0}, 502, "Intercom did not answer"),
        ({"seconds": 0.5}, 502, "Intercom did not answer in time"),
        ({"me_status": 503}, 502, "Something went wrong at Intercom"),
        ({"me_status": 429}, 503, "Intercom is busy"),
        ({"me_status": 401}, 502, "Intercom refused our question"),
        ({"identity": {"id": "1", "app": {"id_code": "../x"}}}, 502, "Intercom&#x27;s answer was not understood"),
        ({"identity": {"id": "1"}}, 502, "Something went wrong at Intercom"),
    ],
)
async def test_trouble_at_intercom_is_told_and_connects_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], status: int, words: str
) -> None:
    monkeypatch.setattr("canvas_gateway.oauth._INTERCOM_SECONDS", 0.2)
    for name, value in changes.items():
        setattr(scene.intercom, name, value)
    answer, page = await scene.installs()
    assert (answer.status, f"<h1>{words}</h1>" in page) == (status, True)
    assert "Nothing was connected." in page
    assert await scene.connected() == []


@pytest.mark.parametrize("scene", [{"intercom_url": "http://127.0.0.1:9"}], indirect=True)
async def test_intercom_that_cannot_be_reached_is_told(scene: Scene) -> None:
    answer, page = await scene.installs()
    assert (answer.status, "Intercom cannot be reached" in page) == (502, True)
    assert "Nothing was connected." in page


@pytest.mark.parametrize("scene", [{"client_id": None}], indirect=True)
@pytest.mark.parametrize("path", ["/intercom/install", "/intercom/callback"])
async def test_without_a_client_id_the_page_says_that_it_is_not_set_up(scene: Scene, path: str) -> None:
    answer, page = await scene.gets(path)
    assert (answer.status, "is not set up" in page) == (503, True)


@pytest.mark.parametrize(
    ("region", "time_zone", "expected"),
    [
        ("US", "America/Los_Angeles", ("us", "America/Los_Angeles")),
        ("AU", "Pacific Time (US & Canada)", ("au", "UTC")),
        ("MARS", "../../etc/passwd", ("us", "UTC")),
        (None, None, ("us", "UTC")),
    ],
)
async def test_region_and_time_zone_that_nobody_knows_become_harmless_ones(
    scene: Scene, region: str | None, time_zone: str | None, expected: tuple[str, str]
) -> None:
    app = {"id_code": "abc123", "region": region, "timezone": time_zone}
    scene.intercom.identity = {"id": "1", "app": app}
    assert (await scene.installs())[0].status == 200
    workspace = await scene.workspaces.get("abc123")
    assert workspace is not None
    assert (workspace.region, workspace.time_zone, workspace.name) == (*expected, "abc123")


async def test_database_that_is_away_is_told(scene: Scene) -> None:
    state = await scene.begins()
    await scene.pool.close()
    for answer, page in (
        await scene.gets("/intercom/install"),
        await scene.gets("/intercom/callback", state=state, code=CODE),
    ):
        assert (answer.status, "cannot be reached right now" in page) == (503, True)


async def test_previews_begin_nothing(scene: Scene) -> None:
    for method in ("HEAD", "POST"):
        async with scene.browser.request(method, f"{scene.url}/intercom/install") as answer:
            assert answer.status == 405
    assert await scene.pool.fetchval("SELECT count(*) FROM directory.install") == 0


async def test_pages_are_self_contained_and_strict(scene: Scene) -> None:
    answer, page = await scene.gets("/intercom/callback")
    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)
    assert style is not None
    assert f"sha256-{base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()}" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=\"(?!/intercom/install)", page)
    assert "prefers-color-scheme: dark" in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_logs_hold_neither_code_nor_token_nor_state(scene: Scene) -> None:
    with captured_logs() as logs:
        state = await scene.begins()
        await scene.gets("/intercom/callback", state=state, code=CODE)
        await scene.installs("wrong-code-1")
    written = logs.getvalue()
    assert "install_ended" in written
    assert not [secret for secret in (CODE, "wrong-code-1", "tok-1", state, "client secret") if secret in written]
