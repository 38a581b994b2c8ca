"""The public port, as Intercom and as attackers see it."""

import asyncio
import gzip
import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from canvas_gateway.http import MAX_BODY, CanvasEndpoints
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import TextContent
from runtime.http import client_session, serve
from tests.support.logs import captured_logs
from tests.unit.canvas_gateway.builders import ANNA, CONVERSATION, MARIA, WORKSPACE
from tests.unit.canvas_gateway.fakes import Agent, World, at_compose
from tests.unit.canvas_gateway.test_sending import Dispatcher, fails

WRONG = {"X-Body-Signature": 64 * "0"}
SECRETS = [SecretStr("new client secret"), SecretStr("old client secret")]
PLACE: dict[str, Any] = {
    "workspace_id": WORKSPACE,
    "workspace_region": "US",
    "admin": {"type": "admin", "id": MARIA.id, "name": MARIA.name},
    "conversation": {"type": "conversation", "id": CONVERSATION},
    "contact": ANNA.model_dump(mode="json"),
}


def signed(raw: bytes, secret: str = "new client secret") -> dict[str, str]:
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Body-Signature": signature, "Content-Type": "application/json"}


@dataclass
class Gateway:
    """A real server with a faked world behind it."""

    world: World
    url: str
    session: aiohttp.ClientSession

    async def posts(self, raw: Any, headers: Any, endpoint: str = "initialize") -> tuple[int, Any]:
        url = f"{self.url}/canvas/{endpoint}"
        body = io.BytesIO(raw) if isinstance(raw, bytes) else raw  # large ones are read in parts
        async with self.session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.json()

    async def sends(self, body: Mapping[str, Any], endpoint: str = "initialize") -> tuple[int, Any]:
        raw = json.dumps(body).encode()
        return await self.posts(raw, signed(raw), endpoint)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    world = World()
    app = CanvasEndpoints(world.panel, SECRETS).application()
    async with serve(app, "127.0.0.1", 0) as port, client_session(10) as session:
        yield Gateway(world, f"http://127.0.0.1:{port}", session)


def clicked(agent: Agent, component_id: str, typed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    values = {**agent.values, **(typed or {})}
    return {**PLACE, "component_id": component_id, "input_values": values, "current_canvas": agent.canvas}


async def test_signed_initialize_is_answered_with_home(gateway: Gateway) -> None:
    status, body = await gateway.sends(PLACE)
    assert status == 200
    assert set(body["canvas"]) == {"content", "stored_data"}
    assert body["canvas"]["content"]["components"][0]["text"] == "Anna Schmidt · user"


GOOD = signed(json.dumps(PLACE).encode())["X-Body-Signature"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Body-Signature": ""},
        {"X-Body-Signature": GOOD[:40]},
        {"X-Body-Signature": "z" * 64},
        {"X-Body-Signature": GOOD.upper()},
        {"X-Body-Signature": f"sha256={GOOD}"},
        {"X-Body-Signature": "0" * 64},
        {"X-Hub-Signature": GOOD},
        [("X-Body-Signature", GOOD), ("X-Body-Signature", GOOD)],
        signed(json.dumps(PLACE).encode(), "another secret"),
    ],
)
async def test_bad_signature_is_401_without_detail(gateway: Gateway, headers: Any) -> None:
    status, body = await gateway.posts(json.dumps(PLACE).encode(), headers)
    assert status == 401
    assert body["detail"] == "The signature is missing or not valid."


async def test_bad_signature_is_noticed_before_the_body_is_parsed(gateway: Gateway) -> None:
    status, _ = await gateway.posts(b"{not json", {"X-Body-Signature": "0" * 64})
    assert status == 401


async def test_signature_is_over_the_raw_bytes(gateway: Gateway) -> None:
    headers = signed(json.dumps(PLACE).encode())
    status, _ = await gateway.posts(json.dumps(PLACE, separators=(",", ":")).encode(), headers)
    assert status == 401
    spaced = json.dumps(PLACE, indent=3, ensure_ascii=False).encode()
    assert (await gateway.posts(spaced, signed(spaced)))[0] == 200


async def test_old_secret_is_taken_while_it_is_known() -> None:
    raw = json.dumps(PLACE).encode()
    for secrets, expected in ((SECRETS, 200), (SECRETS[:1], 401)):
        app = CanvasEndpoints(World().panel, secrets).application()
        async with serve(app, "127.0.0.1", 0) as port, client_session(10) as session:
            url = f"http://127.0.0.1:{port}/canvas/initialize"
            async with session.post(url, data=raw, headers=signed(raw, "old client secret")) as answer:
                assert answer.status == expected


async def test_replayed_submit_is_the_same_message(gateway: Gateway) -> None:
    dispatcher = Dispatcher()
    gateway.world.bus.answers = dispatcher
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": "Hello"})
    for _ in range(3):
        _, answer = await gateway.sends(body, "submit")
        assert answer["canvas"]["content"]["components"][0]["text"] == "✅ Message sent!"
    assert len(dispatcher.taken) == 1


async def test_oversized_body_is_413(gateway: Gateway) -> None:
    raw = json.dumps({**PLACE, "padding": "x" * MAX_BODY}).encode()
    status, body = await gateway.posts(raw, signed(raw))
    assert status == 413
    assert f"{MAX_BODY} bytes" in body["detail"]


async def test_oversized_body_without_a_length_is_413(gateway: Gateway) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b"x" * 10_240

    status, _ = await gateway.posts(endless(), {"X-Body-Signature": "0" * 64})
    assert status == 413


async def test_compressed_body_is_not_unpacked(gateway: Gateway) -> None:
    raw = gzip.compress(b"x" * 1024 * 1024)
    status, _ = await gateway.posts(raw, {**signed(raw), "Content-Encoding": "gzip"})
    assert status in {400, 415}


async def test_body_that_trickles_in_is_408(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canvas_gateway.http._READ_SECONDS", 0.1)

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.4)
        yield b"}"

    status, _ = await gateway.posts(trickle(), {})
    assert status == 408


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"a":NaN}', b'{"a":1e400}', b'{"a":"\x00"}', b'{"a":"\\u00"}', b'{"a":' * 10_000],
)
async def test_signed_rubbish_is_400(gateway: Gateway, raw: bytes) -> None:
    for endpoint in ("initialize", "submit"):
        assert (await gateway.posts(raw, signed(raw), endpoint))[0] == 400


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"workspace_id": None}, "workspace_id"),
        ({"admin": {}}, "admin.id"),
        ({"conversation": None}, "conversation"),
        ({"contact": {"name": "Anna"}}, "contact.id"),
    ],
)
async def test_missing_field_is_400_and_named(gateway: Gateway, change: dict[str, Any], named: str) -> None:
    status, body = await gateway.sends({**PLACE, **change})
    assert status == 400
    assert named in body["detail"]
    assert "Anna" not in json.dumps(body)


async def test_submit_needs_a_component(gateway: Gateway) -> None:
    status, body = await gateway.sends(PLACE, "submit")
    assert status == 400
    assert "component_id" in body["detail"]


async def test_unknown_workspace_is_a_canvas(gateway: Gateway) -> None:
    status, body = await gateway.sends({**PLACE, "workspace_id": "'; DROP TABLE--"})
    assert status == 200
    assert body["canvas"]["content"]["components"][0]["text"] == "This workspace is not connected to Proactive."


@pytest.mark.parametrize("phone", ["+1;rm", "\u202e+4915112345678", "+４９１５１１２３４５６７８", "+" + "1" * 40])
async def test_odd_phone_is_refused_with_its_sentence(gateway: Gateway, phone: str) -> None:
    typed = {"compose.phone": phone, "compose.text": "Hello"}
    body = clicked(await at_compose(gateway.world), "compose.send", typed)
    _, answer = await gateway.sends(body, "submit")
    errors = [part["text"] for part in answer["canvas"]["content"]["components"] if part.get("style") == "error"]
    assert errors[0].startswith("Your phone number is invalid.")
    assert gateway.world.bus.published == []


async def test_text_with_markup_and_line_ends_is_sent_as_typed(gateway: Gateway) -> None:
    text = "<script>alert(1)</script>\r\nX-Evil: 1\n[a](https://b) **c**"
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": text})
    gateway.world.bus.answers = fails(FailureReason.OTHER)
    await gateway.sends(body, "submit")
    assert gateway.world.bus.published[0].data.content == TextContent(text=text.replace("\r\n", "\n"))


async def test_refused_form_gives_the_whole_text_back(gateway: Gateway) -> None:
    text = "é" * 501
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": text})
    _, answer = await gateway.sends(body, "submit")
    areas = [part for part in answer["canvas"]["content"]["components"] if part["type"] == "textarea"]
    assert areas[0]["value"] == text
    assert areas[0]["error"] is True


async def test_text_of_a_hundred_thousand_characters_still_gets_an_answer(gateway: Gateway) -> None:
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": "x" * 100_000})
    status, answer = await gateway.sends(body, "submit")
    assert status == 200
    assert "100,000 characters; at most 500." in json.dumps(answer)


async def test_text_of_a_hundred_thousand_emoji_still_gets_an_answer(gateway: Gateway) -> None:
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": "🌸" * 100_000})
    status, answer = await gateway.sends(body, "submit")
    assert status == 200
    assert "100,000 characters; at most 500." in json.dumps(answer)


@pytest.mark.parametrize(("unfit", "shown"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a\ufffdb")])
async def test_character_that_cannot_be_sent_is_a_screen_that_keeps_the_text(
    gateway: Gateway, unfit: str, shown: str
) -> None:
    agent = await at_compose(gateway.world)
    typed = {"compose.phone": unfit, "compose.text": unfit}
    status, answer = await gateway.sends(clicked(agent, "compose.send", typed), "submit")
    assert status == 200
    parts = answer["canvas"]["content"]["components"]
    assert "The text holds a character that cannot be sent." in [part.get("text") for part in parts]
    values = {part["id"]: part.get("value") for part in parts if part["type"] in {"input", "textarea"}}
    assert values == {"compose.phone": shown, "compose.text": shown}
    agent.canvas = answer["canvas"]
    again = clicked(agent, "compose.send", {"compose.phone": ANNA.phone, "compose.text": shown.replace("\ufffd", "")})
    gateway.world.bus.answers = Dispatcher()
    _, answer = await gateway.sends(again, "submit")
    assert answer["canvas"]["content"]["components"][0]["text"] == "✅ Message sent!"
    assert gateway.world.bus.published[0].data.content == TextContent(text="ab")


async def test_contact_whose_name_holds_what_no_text_can_hold_is_written_to(gateway: Gateway) -> None:
    gateway.world.bus.answers = Dispatcher()
    admin = {**PLACE["admin"], "name": "Ma\ud800ria"}
    place = {**PLACE, "admin": admin, "contact": {**PLACE["contact"], "name": "An\x00na"}}
    status, answer = await gateway.sends(place)
    assert status == 200
    assert answer["canvas"]["content"]["components"][0]["text"] == "Anna · user"
    agent = await at_compose(gateway.world)
    await gateway.sends({**clicked(agent, "compose.send", {"compose.text": "Hello"}), **place}, "submit")
    assert gateway.world.bus.published[0].data.requested_by.name == "Maria"


async def test_broken_panel_is_still_200(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(_workspace_id: str) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(gateway.world.directory, "workspace", breaks)
    status, body = await gateway.sends(PLACE)
    assert status == 200
    assert body["canvas"]["content"]["components"][0]["text"] == "Something went wrong on our side."
    assert "secret detail" not in json.dumps(body)


async def test_other_methods_and_paths_are_refused(gateway: Gateway) -> None:
    for method, path, expected in (("GET", "/canvas/submit", 405), ("POST", "/canvas", 404), ("GET", "/metrics", 404)):
        async with gateway.session.request(method, gateway.url + path) as answer:
            assert answer.status == expected


@pytest.mark.parametrize(
    ("headers", "outcome"), [({}, "unsigned"), ({"X-Body-Signature": "no"}, "unsigned"), (WRONG, "unauthorized")]
)
async def test_requests_are_counted_by_outcome(gateway: Gateway, headers: dict[str, str], outcome: str) -> None:
    labels = {"endpoint": "initialize", "outcome": outcome}
    before = REGISTRY.get_sample_value("proactive_gateway_requests_total", labels) or 0
    await gateway.posts(b"{}", headers)
    assert REGISTRY.get_sample_value("proactive_gateway_requests_total", labels) == before + 1


async def test_logs_hold_no_text_and_no_number(gateway: Gateway) -> None:
    gateway.world.bus.answers = Dispatcher()
    body = clicked(await at_compose(gateway.world), "compose.send", {"compose.text": "A secret parcel"})
    with captured_logs() as said:
        await gateway.sends(body, "submit")
    logged = said.getvalue()
    assert "canvas_answered" in logged
    assert "secret parcel" not in logged
    assert "4915112345678" not in logged
    assert "Anna" not in logged
