"""Words for what the tests do with a running sandbox, and a server that stands for the business's side."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from sandbox.settings import InfobipSettings, MetaSettings, OAuthSettings, Settings

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "twilio-auth-token"
INTERCOM_TOKEN = "intercom-token"
CLIENT_SECRET = "client-secret"
SENDER = "+4915700000001"
ANNA_PHONE = "+4915112345678"
META_TOKEN = "meta-access-token"
APP_SECRET = "meta-app-secret"
VERIFY_TOKEN = "meta-verify-token"
PHONE_NUMBER_ID = "106540352242922"
WHATSAPP_SENDER = "+4915700000002"
INFOBIP_KEY = "infobip-api-key"
VIBER_SENDER = "Proactive"
LONGEST_WAIT_SECONDS = 6
NOWHERE = "http://127.0.0.1:1"

Json = dict[str, Any]
Client = TestClient[web.Request, web.Application]
MakeSandbox = Callable[..., Awaitable["Sandbox"]]


def make_settings(
    gateway_url: str = NOWHERE,
    inbound_url: str | None = None,
    state_file: Path | None = None,
    meta_url: str | None = None,
    viber_inbound_url: str | None = None,
    oauth: OAuthSettings | None = None,
    amqp_url: str | None = None,
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
        meta=MetaSettings(
            access_token=META_TOKEN, app_secret=APP_SECRET, verify_token=VERIFY_TOKEN, webhook_url=meta_url
        ),
        infobip=InfobipSettings(api_key=INFOBIP_KEY, inbound_url=viber_inbound_url),
        oauth=oauth or OAuthSettings(),
        amqp_url=amqp_url,
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

    async def send_whatsapp(
        self, token: str = META_TOKEN, /, phone_number_id: str = PHONE_NUMBER_ID, **changes: Any
    ) -> ClientResponse:
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": ANNA_PHONE.removeprefix("+"),
            "type": "text",
            "text": {"body": "Hello", "preview_url": False},
            **changes,
        }
        given = {key: value for key, value in body.items() if value is not None}
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.post(f"/meta/v23.0/{phone_number_id}/messages", json=given, headers=headers)

    async def send_viber(self, key: str = INFOBIP_KEY, /, **changes: Any) -> ClientResponse:
        """`message_id` and `to` are of the one destination; everything else is of the message."""
        destination = {
            "to": changes.pop("to", ANNA_PHONE.removeprefix("+")),
            "messageId": changes.pop("message_id", "m-1"),
        }
        message = {
            "sender": VIBER_SENDER,
            "destinations": [destination],
            "content": {"type": "TEXT", "text": "Hello"},
            **changes,
        }
        headers = {"Authorization": f"App {key}"}
        return await self.client.post("/infobip/viber/2/messages", json={"messages": [message]}, headers=headers)

    async def receipt(self, provider: str, message_id: str, status: str, error_code: int | None = None) -> Json:
        path = f"/sandbox/{provider}/messages/{quote(message_id, safe='')}/receipt"
        return await self.json(await self.client.post(path, json={"status": status, "error_code": error_code}))

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
    def json(self) -> Json:
        found: Json = json.loads(self.raw)
        return found

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


@dataclass
class Receiver:
    """A server of the business: keeps what it gets, answers what `answers` says, then 200."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, Json]] = field(default_factory=list)

    async def wait_for(self, count: int) -> None:
        """Wait until so many requests came."""
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while len(self.received) < count:
                await asyncio.sleep(0.02)

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(Received(str(request.url), dict(request.headers), await request.read()))
        status, body = self.answers.pop(0) if self.answers else (200, {})
        return web.json_response(body, status=status)
