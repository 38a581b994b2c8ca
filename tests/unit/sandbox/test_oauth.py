"""Installing an app: the consent page, where it leads, the code, and the token that it is worth."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.settings import OAuthSettings
from tests.unit.sandbox.harness import CLIENT_SECRET, Json, MakeSandbox, Sandbox

CALLBACK = "https://app.example.com/intercom/callback"
ASK = {"client_id": "app-1", "state": "a state/1", "redirect_uri": CALLBACK}


async def decide(sandbox: Sandbox, decision: str, **changes: str) -> dict[str, list[str]]:
    """Press a button of the consent page; the query with which the browser is sent on."""
    answer = await sandbox.client.post(
        "/intercom/oauth", params={**ASK, **changes}, data={"decision": decision}, allow_redirects=False
    )
    assert answer.status == 303
    assert answer.headers["Location"].startswith(CALLBACK + "?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


async def exchange(sandbox: Sandbox, code: str, as_form: bool = False, **changes: str) -> tuple[int, Json]:
    body = {"code": code, "client_id": "app-1", "client_secret": CLIENT_SECRET, **changes}
    how: dict[str, Any] = {"data" if as_form else "json": body}
    answer = await sandbox.client.post("/intercom/auth/eagle/token", **how)
    return answer.status, await answer.json()


async def test_consent_page_asks_and_says_where_it_leads(sandbox: Sandbox) -> None:
    page = await sandbox.client.get("/intercom/oauth", params=ASK)
    text = await page.text()
    assert page.status == 200
    assert all(word in text for word in ("Allow", "Cancel", "Maria Lopez", "app.example.com"))
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("as_form", [True, False])
async def test_consent_leads_to_a_token_that_works(sandbox: Sandbox, as_form: bool) -> None:
    query = await decide(sandbox, "allow")
    assert query["state"] == ["a state/1"]
    status, body = await exchange(sandbox, query["code"][0], as_form)
    assert (status, body["token_type"], body["token"]) == (200, "Bearer", body["access_token"])
    me = await sandbox.json(await sandbox.intercom("GET", "/me", token=body["token"]))
    assert me["app"]["id_code"] == "sandbox1"


async def test_cancel_says_access_denied(sandbox: Sandbox) -> None:
    assert await decide(sandbox, "cancel") == {"error": ["access_denied"], "state": ["a state/1"]}


async def test_code_is_good_once(sandbox: Sandbox) -> None:
    code = (await decide(sandbox, "allow"))["code"][0]
    assert (await exchange(sandbox, code))[0] == 200
    assert (await exchange(sandbox, code))[0] == 401


@pytest.mark.parametrize("change", [{"code": "other"}, {"client_secret": "other"}, {"client_id": ""}])
async def test_bad_exchange_is_unauthorized(sandbox: Sandbox, change: dict[str, Any]) -> None:
    good = (await decide(sandbox, "allow"))["code"][0]
    status, body = await exchange(sandbox, change.pop("code", good), **change)
    assert (status, body["type"], body["errors"][0]["code"]) == (401, "error.list", "unauthorized")


async def test_configured_app_and_callback_are_the_only_ones(make_sandbox: MakeSandbox) -> None:
    sandbox = await make_sandbox(oauth=OAuthSettings(client_id="app-1", callback_url=CALLBACK))
    assert (await sandbox.client.get("/intercom/oauth?client_id=app-1&state=s")).status == 200
    for bad in ({"client_id": "app-2"}, {"redirect_uri": "https://other.example.com/"}):
        page = await sandbox.client.get("/intercom/oauth", params={**ASK, **bad})
        assert page.status == 400
        assert "This link does not work" in await page.text()


@pytest.mark.parametrize("bad", [{"redirect_uri": ""}, {"redirect_uri": "javascript:alert(1)"}, {"client_id": ""}])
async def test_page_without_a_way_on_says_so(sandbox: Sandbox, bad: dict[str, str]) -> None:
    assert (await sandbox.client.get("/intercom/oauth", params={**ASK, **bad})).status == 400


async def test_what_an_address_says_is_shown_as_text(sandbox: Sandbox) -> None:
    ask = {**ASK, "redirect_uri": "javascript:<script>alert(1)</script>", "client_id": "<b>"}
    assert "<script>" not in await (await sandbox.client.get("/intercom/oauth", params=ask)).text()


async def test_token_survives_a_restart_and_a_reset(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    first = await make_sandbox(state_file=tmp_path / "state.json")
    _, body = await exchange(first, (await decide(first, "allow"))["code"][0])
    await first.client.post("/sandbox/reset")
    await first.client.close()
    second = await make_sandbox(state_file=tmp_path / "state.json")
    assert (await second.intercom("GET", "/me", token=body["token"])).status == 200
