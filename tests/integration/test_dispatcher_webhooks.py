"""The webhooks process on a real broker and database: what providers send is stored, or asked for again."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import aiohttp
import pytest

from devstack.backends import Broker
from dispatcher.providers.twilio import sign
from proactive_contracts.envelope import Event
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from tests.integration.dispatcher_scene import OPERATORS_TOKEN, TOKEN, Scene, set_scene, until


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "webhooks.log") as ready:
        yield ready


async def call_back(scene: Scene, public: str, message_id: UUID, status: str, *, token: str = TOKEN) -> int:
    """A status callback as Twilio makes it: signed over the address that we gave out."""
    path = f"/webhooks/twilio/{scene.channel_id}?mid={message_id}"
    fields = {"MessageSid": "SM0123", "MessageStatus": status, "To": "+4915112345678"}
    signature = sign(token, f"https://proactive.example{path}", fields.items())
    return await post(public + path, urlencode(fields).encode(), {"X-Twilio-Signature": signature})


async def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=io.BytesIO(body), headers=form | (headers or {})) as got,
    ):
        return got.status


async def look(operators: str, message_id: UUID, token: str | None = OPERATORS_TOKEN) -> tuple[int, dict[str, object]]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{operators}/v1/workspaces/w1/jobs/{message_id}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as got:
        return got.status, await got.json(content_type=None)


async def test_receipt_is_published_once_per_id_and_reaches_the_job(scene: Scene) -> None:
    event = scene.request()
    message_id = event.data.message_id
    async with scene.worker():
        await scene.publish(event)
        await scene.told.result_of(event)
    async with scene.webhooks() as (public, operators):
        assert await call_back(scene, public, message_id, "delivered") == 204
        assert await call_back(scene, public, message_id, "delivered") == 204
        assert await call_back(scene, public, message_id, "sent") == 204
        assert await call_back(scene, public, message_id, "queued") == 204
        status, job = await look(operators, message_id)
    assert (status, job["state"], job["receipt"], job["attempt"]) == (200, "accepted", "delivered", 1)
    await until(lambda: len(receipts_in(scene)) == 3, "the receipts")
    first, again, earlier = receipts_in(scene)
    assert first.id == again.id != earlier.id
    assert isinstance(first.data, DeliveryReported)
    assert (first.data.message_id, first.data.status) == (message_id, ReceiptStatus.DELIVERED)


def receipts_in(scene: Scene) -> list[Event[Any]]:
    return [event for event in scene.told.events if isinstance(event.data, DeliveryReported)]


async def test_reply_is_published(scene: Scene) -> None:
    path = f"/webhooks/twilio/{scene.channel_id}"
    fields = {"MessageSid": "SM1", "SmsStatus": "received", "From": "+4915112345678", "Body": "Danke! \U0001f600"}
    signature = sign(TOKEN, f"https://proactive.example{path}", fields.items())
    async with scene.webhooks() as (public, _):
        assert await post(public + path, urlencode(fields).encode(), {"X-Twilio-Signature": signature}) == 204
    await until(lambda: scene.told.events, "the reply")
    reply = scene.told.events[0].data
    assert isinstance(reply, ReplyReceived)
    assert reply.text == "Danke! \U0001f600"


async def test_what_is_not_ours_is_refused(scene: Scene) -> None:
    async with scene.webhooks() as (public, operators):
        assert await call_back(scene, public, uuid4(), "delivered", token="another") == 401
        assert await post(f"{public}/webhooks/twilio/{scene.channel_id}", b"MessageSid=SM1") == 401
        assert await post(f"{public}/webhooks/twilio/{uuid4()}", b"") == 404
        assert await post(f"{public}/webhooks/twilio/{scene.channel_id}", b"x" * 3_200_000) == 413
        assert (await look(operators, uuid4()))[0] == 404
        assert (await look(operators, uuid4(), token=None))[0] == 401
        assert (await look(operators, uuid4(), token="guess"))[0] == 401
        assert await post(f"{public}/v1/workspaces/w1/jobs/{uuid4()}", b"") == 404
    assert scene.told.events == []


async def test_receipt_is_asked_for_again_while_the_broker_is_away(scene: Scene, broker: Broker) -> None:
    async with scene.webhooks() as (public, _):
        broker.stop()
        try:
            assert await call_back(scene, public, uuid4(), "delivered") == 503
        finally:
            broker.start()
        message_id = uuid4()
        await until_stored(scene, public, message_id)
    await until(lambda: receipts_in(scene), "the receipt")


async def until_stored(scene: Scene, public: str, message_id: UUID) -> None:
    for _ in range(10):
        if await call_back(scene, public, message_id, "delivered") == 204:
            return
    raise AssertionError("the webhooks did not find the broker again")
