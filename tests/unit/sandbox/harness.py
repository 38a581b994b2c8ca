"""Words for what the tests do with a running sandbox, and a server that stands for the business's side."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from sandbox.settings import Settings

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "twilio-auth-token"
INTERCOM_TOKEN = "intercom-token"
CLIENT_SECRET = "client-secret"
SENDER = "+4915700000001"
ANNA_PHONE = "+4915112345678"
NOWHERE = "http://127.0.0.1:1"

Json = dict[str, Any]
Client = TestClient[web.Request, web.Application]
MakeSandbox = Callable[..., Awaitable["Sandbox"]]


def make_settings(
    gateway_url: str = NOWHERE, inbound_url: str | None = None, state_file: Path | None = None
) -> Settings:
    return Settings(
        port=0,
        gateway_url=gateway_url,
        client_secret=CLIENT_SECRET,
        workspace_id="sandbox1",
        intercom_token=INTERCOM_TOKEN,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=AUTH_TOKEN,
        twilio_inbound_url=inbound_url,
        state_file=state_file,
    )


@dataclass
class Sandbox:
    """Words for what tests do with a running sandbox."""

    client: Client

    async def intercom(
        self, method: str, path: str, body: Json | None = None, token: str = INTERCOM_TOKEN
    ) -> ClientResponse:
        headers = {"Authorization": f"Bearer {token}", "Intercom-Version": "2.16"}
        return await self.client.request(method, f"/intercom{path}", json=body, headers=headers)

    async def search(self, query: Json, **more: Json) -> list[str]:
        response = await self.intercom("POST", "/contacts/search", {"query": query, **more})
        assert response.status == 200, await response.text()
        return [contact["name"] for contact in (await response.json())["data"]]

    async def send_sms(self, password: str = AUTH_TOKEN, /, **changes: str | None) -> ClientResponse:
        form = {"To": ANNA_PHONE, "From": SENDER, "Body": "Hello", **changes}
        given = {key: value for key, value in form.items() if value is not None}
        return await self.client.post(
            f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=given, headers=basic(password)
        )

    async def look_up(self, path: str, **query: str) -> Json:
        response = await self.client.get(f"/twilio/2010-04-01/Accounts/{ACCOUNT}/{path}", params=query, headers=basic())
        assert response.status == 200, await response.text()
        return await self.json(response)

    async def behave(self, name: str, **behaviour: Any) -> None:
        response = await self.client.put(f"/sandbox/behaviour/{name}", json=behaviour)
        assert response.status == 200, await response.text()

    async def behaviour(self, name: str) -> Json:
        return await self.json(await self.client.get(f"/sandbox/behaviour/{name}"))

    async def ledger(self, **query: str) -> list[Json]:
        body = await self.json(await self.client.get("/sandbox/ledger", params=query))
        rows: list[Json] = body["submissions"]
        return rows

    async def parts(self, conversation_id: str) -> list[Json]:
        body = await self.json(await self.client.get(f"/sandbox/conversations/{conversation_id}"))
        rows: list[Json] = body["conversation_parts"]["conversation_parts"]
        return rows

    async def json(self, response: ClientResponse) -> Json:
        body: Json = await response.json()
        return body


def basic(password: str = AUTH_TOKEN) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:{password}".encode()).decode()}


@dataclass
class Received:
    """One request that reached the business's side."""

    url: str
    headers: dict[str, str]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


@dataclass
class Receiver:
    """A server of the business: keeps what it gets, answers what `answers` says, then 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, Json]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(Received(str(request.url), dict(request.headers), await request.read()))
        status, body = self.answers.pop(0) if self.answers else (200, {})
        return web.json_response(body, status=status)
