"""WhatsApp and Viber on a real broker and database: a worker of each sends, and the webhooks take what comes back."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web

from dispatcher.providers.meta import sign
from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import Channel, TextContent
from tests.integration.dispatcher_scene import (
    INFOBIP_CREDENTIALS,
    META_CREDENTIALS,
    PHONE_NUMBER_ID,
    TEXT,
    FakeJsonProvider,
    Scene,
    set_scene,
    until,
)

META_PATH = f"/v23.0/{PHONE_NUMBER_ID}/messages"


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "channels.log") as ready:
        yield ready


@pytest.fixture
async def meta() -> AsyncIterator[FakeJsonProvider]:
    async with FakeJsonProvider(META_PATH) as provider:
        provider.answer = lambda _fields: web.json_response({"messages": [{"id": "wamid.1"}]})
        yield provider


@pytest.fixture
async def infobip() -> AsyncIterator[FakeJsonProvider]:
    async with FakeJsonProvider("/viber/2/messages") as provider:
        provider.answer = lambda fields: infobip_answer(fields, 1, 26)
        yield provider


def infobip_answer(fields: dict[str, Any], group: int, code: int) -> web.Response:
    own = fields["messages"][0]["destinations"][0]["messageId"]
    status = {"groupId": group, "id": code, "name": "NAME", "description": "Words."}
    return web.json_response({"bulkId": "b", "messages": [{"messageId": own, "status": status}]})


async def whatsapp(scene: Scene, meta: FakeJsonProvider, **settings: str) -> UUID:
    settings = {"base_url": meta.url, "phone_number_id": PHONE_NUMBER_ID} | settings
    return await scene.connect(Channel.WHATSAPP, "meta", META_CREDENTIALS, **settings)


async def viber(scene: Scene, infobip: FakeJsonProvider) -> UUID:
    return await scene.connect(Channel.VIBER, "infobip", INFOBIP_CREDENTIALS, base_url=infobip.url)


async def send(scene: Scene, channel: Channel, channel_id: UUID, **changes: Any) -> tuple[UUID, Event[Any]]:
    event = scene.request(channel=channel, channel_id=channel_id, **changes)
    async with scene.worker(channel):
        await scene.publish(event)
        return event.data.message_id, await scene.told.result_of(event)


async def post(url: str, fields: object, headers: dict[str, str] | None = None) -> tuple[int, str]:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    json_type = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=json_type | (headers or {})) as got,
    ):
        return got.status, await got.text()


async def from_meta(url: str, fields: object, secret: str = META_CREDENTIALS["app_secret"]) -> int:
    body = json.dumps(fields).encode()
    status, _ = await post(url, body, {"X-Hub-Signature-256": sign(secret, body)})
    return status


def callback_of(*values: dict[str, Any]) -> dict[str, Any]:
    changes = [{"field": "messages", "value": value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def about(number_id: str = PHONE_NUMBER_ID, **parts: Any) -> dict[str, Any]:
    return {"metadata": {"phone_number_id": number_id}, **parts}


def receipts_in(scene: Scene) -> list[DeliveryReported]:
    return [event.data for event in scene.told.events if isinstance(event.data, DeliveryReported)]


def replies_in(scene: Scene) -> list[ReplyReceived]:
    return [event.data for event in scene.told.events if isinstance(event.data, ReplyReceived)]


async def receipt_of(scene: Scene, message_id: UUID) -> object:
    return await scene.database.fetchval("SELECT receipt FROM dispatch.job WHERE message_id = $1", message_id)


async def test_whatsapp_message_goes_out_and_comes_back_as_read(scene: Scene, meta: FakeJsonProvider) -> None:
    channel_id = await whatsapp(scene, meta)
    message_id, told = await send(scene, Channel.WHATSAPP, channel_id)
    assert (told.type, told.data.provider_message_id) == ("proactive.send_accepted.v1", "wamid.1")
    ((headers, fields),) = meta.requests
    assert headers["Authorization"] == f"Bearer {META_CREDENTIALS['access_token']}"
    assert (fields["to"], fields["text"]["body"]) == ("+4915112345678", TEXT)
    echoed = fields["biz_opaque_callback_data"]
    statuses = [
        {"id": "wamid.1", "status": word, "timestamp": "1793628300", "biz_opaque_callback_data": echoed}
        for word in ("sent", "delivered", "read")
    ]
    reply = {"from": "4915112345678", "id": "wamid.2", "timestamp": "1793628301", "type": "text"}
    values = [about(statuses=statuses), about(messages=[reply | {"text": {"body": "Danke!"}}])]
    async with scene.webhooks() as (public, _):
        address = f"{public}/webhooks/meta/{channel_id}"
        assert await from_meta(address, callback_of(*values)) == 200
        assert await from_meta(address, callback_of(*values), secret="another") == 401
    await until(lambda: len(receipts_in(scene)) == 3 and replies_in(scene), "the receipts and the reply")
    assert {receipt.message_id for receipt in receipts_in(scene)} == {message_id}
    assert [receipt.status for receipt in receipts_in(scene)][-1] is ReceiptStatus.READ
    (said,) = replies_in(scene)
    assert (said.channel, said.sender, said.text) == (Channel.WHATSAPP, "+4915112345678", "Danke!")
    assert await receipt_of(scene, message_id) == "read"


async def test_closed_window_is_told_by_its_name(scene: Scene, meta: FakeJsonProvider) -> None:
    error = {"message": "Re-engagement message", "type": "OAuthException", "code": 131047}
    meta.answer = lambda _fields: web.json_response({"error": error}, status=400)
    _, told = await send(scene, Channel.WHATSAPP, await whatsapp(scene, meta))
    assert (told.type, told.data.reason) == ("proactive.send_failed.v1", FailureReason.WINDOW_CLOSED)
    assert len(meta.requests) == 1


async def test_trouble_at_meta_leaves_it_unknown(scene: Scene, meta: FakeJsonProvider) -> None:
    error = {"message": "Something went wrong", "type": "OAuthException", "code": 131000}
    meta.answer = lambda _fields: web.json_response({"error": error}, status=500)
    _, told = await send(scene, Channel.WHATSAPP, await whatsapp(scene, meta))
    assert (told.type, told.data.provider_code) == ("proactive.send_unknown.v1", "131000")
    assert len(meta.requests) == 1


async def test_one_address_serves_the_channels_of_the_app_and_no_other(scene: Scene, meta: FakeJsonProvider) -> None:
    first = await whatsapp(scene, meta)
    second = await scene.connect(Channel.WHATSAPP, "meta", META_CREDENTIALS, "w2", phone_number_id="200000000000000")
    of_another_app = META_CREDENTIALS | {"app_secret": "another"}
    await scene.connect(Channel.WHATSAPP, "meta", of_another_app, "w3", phone_number_id="300000000000000")
    numbers = [PHONE_NUMBER_ID, "200000000000000", "300000000000000", "400000000000000"]
    values = [about(one, statuses=[{"id": f"wamid.{one}", "status": "sent", "timestamp": "1"}]) for one in numbers]
    async with scene.webhooks() as (public, _):
        assert await from_meta(f"{public}/webhooks/meta/{first}", callback_of(*values)) == 200
    await until(lambda: len(receipts_in(scene)) >= 2, "two receipts")
    found = {(receipt.channel_id, receipt.workspace_id) for receipt in receipts_in(scene)}
    assert found == {(first, "w1"), (second, "w2")}


async def test_meta_is_told_that_the_address_is_ours(scene: Scene, meta: FakeJsonProvider) -> None:
    channel_id = await whatsapp(scene, meta)
    query = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "1158201444"}
    async with scene.webhooks() as (public, _), aiohttp.ClientSession() as session:
        url = f"{public}/webhooks/meta/{channel_id}"
        async with session.get(url, params=query) as answer:
            assert (answer.status, await answer.text()) == (200, "1158201444")
        async with session.get(url, params=query | {"hub.verify_token": "guess"}) as answer:
            assert answer.status == 403
        async with session.get(f"{public}/webhooks/twilio/{scene.channel_id}") as answer:
            assert answer.status == 405


async def test_viber_message_goes_out_and_comes_back_as_read(scene: Scene, infobip: FakeJsonProvider) -> None:
    channel_id = await viber(scene, infobip)
    message_id, told = await send(scene, Channel.VIBER, channel_id)
    assert (told.type, told.data.provider_message_id) == ("proactive.send_accepted.v1", f"w1.{message_id}")
    ((headers, fields),) = infobip.requests
    assert headers["Authorization"] == f"App {INFOBIP_CREDENTIALS['api_key']}"
    (message,) = fields["messages"]
    address = urlsplit(message["webhooks"]["delivery"]["url"])
    assert address.path == f"/webhooks/infobip/{channel_id}"
    assert 0 < message["options"]["validityPeriod"]["amount"] <= 600
    delivered = {
        "messageId": f"w1.{message_id}",
        "status": {"groupId": 3, "id": 5},
        "doneAt": "2026-11-02T14:04:00.000+0000",
        "callbackData": message["webhooks"]["callbackData"],
    }
    seen = {"messageId": f"w1.{message_id}", "seenAt": "2026-11-02T14:05:00.000+0000"}
    said = {
        "sender": "4915112345678",
        "to": "Proactive",
        "messageId": "53",
        "receivedAt": "2026-11-02T14:06:00.000+0000",
        "message": {"type": "TEXT", "text": "Danke!"},
    }
    async with scene.webhooks() as (public, _):
        url = f"{public}{address.path}?{address.query}"
        for results in ([delivered], [seen], [said]):
            status, _ = await post(url, {"results": results})
            assert status == 200
        for wrong in (f"{public}{address.path}", f"{public}{address.path}?secret=guess"):
            status, refusal = await post(wrong, {"results": [delivered]})
            assert status == 401
            assert INFOBIP_CREDENTIALS["webhook_secret"] not in refusal
    await until(lambda: len(receipts_in(scene)) == 2 and replies_in(scene), "the receipts and the reply")
    assert [receipt.status for receipt in receipts_in(scene)] == [ReceiptStatus.DELIVERED, ReceiptStatus.READ]
    (reply,) = replies_in(scene)
    assert (reply.channel, reply.sender, reply.text) == (Channel.VIBER, "+4915112345678", "Danke!")
    assert await receipt_of(scene, message_id) == "read"


@pytest.mark.parametrize(
    ("group", "code", "word", "reason"),
    [
        (5, 12, "send_failed", FailureReason.CHANNEL_BLOCKED),
        (5, 10, "send_failed", FailureReason.OPTED_OUT),
        (5, 23, "send_unknown", None),
    ],
)
async def test_status_within_infobips_answer_counts(
    scene: Scene, infobip: FakeJsonProvider, group: int, code: int, word: str, reason: FailureReason | None
) -> None:
    infobip.answer = lambda fields: infobip_answer(fields, group, code)
    _, told = await send(scene, Channel.VIBER, await viber(scene, infobip))
    assert (told.type, getattr(told.data, "reason", None)) == (f"proactive.{word}.v1", reason)
    assert len(infobip.requests) == 1


async def test_text_that_is_too_long_for_viber_is_refused_without_a_call(
    scene: Scene, infobip: FakeJsonProvider
) -> None:
    content = TextContent(text="x" * 1001)
    _, told = await send(scene, Channel.VIBER, await viber(scene, infobip), content=content)
    assert (told.type, told.data.reason) == ("proactive.send_failed.v1", FailureReason.CONTENT)
    assert (told.data.provider, "1001 characters" in told.data.detail) == (None, True)
    assert infobip.requests == []
