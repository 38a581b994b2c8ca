"""What the dispatcher tells panels of channels and people, on a real broker and database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from dispatcher.storage import recipients as storage
from dispatcher.storage.recipients import Recipients
from dispatcher.storage.senders import Senders
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import Channel
from runtime import clock
from tests.integration.dispatcher_scene import INFOBIP_CREDENTIALS, META_CREDENTIALS, PHONE_NUMBER_ID, Scene, set_scene
from tests.integration.test_dispatcher_gates import ask

NUMBER = "+4915112345678"
PATH = "/v1/workspaces/w1/reachability"


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "reach.log") as ready:
        await ready.database.execute("DELETE FROM directory.channel WHERE id <> $1", ready.channel_id)
        yield ready


async def reach(operators: str, channel_id: UUID, recipient: str = NUMBER) -> dict[str, Any]:
    """What is told of one channel."""
    status, told = await ask(operators, "GET", f"{PATH}?recipient={recipient.replace('+', '%2B')}")
    assert status == 200
    return next(one for one in told["channels"] if one["channel_id"] == str(channel_id))


def reply(channel: Channel, channel_id: UUID, text: str | None = "Danke", **changes: Any) -> ReplyReceived:
    fields: dict[str, Any] = {
        "workspace_id": "w1",
        "channel": channel,
        "channel_id": channel_id,
        "provider": "meta",
        "provider_message_id": str(uuid4()),
        "sender": NUMBER.removeprefix("+"),
        "text": text,
        "received_at": clock.now(),
    }
    return ReplyReceived(**fields | changes)


async def test_channels_are_told_as_they_stand_with_and_without_a_person(scene: Scene) -> None:
    nothing = dict.fromkeys(("since", "until", "reason", "opted_out", "seen_at", "window_open_until"))
    other = await scene.connect(Channel.VIBER, "infobip", INFOBIP_CREDENTIALS, "w2", base_url="http://127.0.0.1:9")
    async with scene.webhooks() as (_, operators):
        for path in (PATH, f"{PATH}?recipient=%2B4915112345678"):
            status, told = await ask(operators, "GET", path)
            assert status == 200
            assert told == {"channels": [{"channel_id": str(scene.channel_id), "state": "open", **nothing}]}
        senders = Senders(scene.database)
        await senders.know(scene.channel_id, Channel.SMS, "w1", "twilio")
        await senders.pause(scene.channel_id, "an operator")
        paused = await reach(operators, scene.channel_id)
        assert (paused["state"], paused["reason"], paused["until"]) == ("paused", "channel_paused", None)
        assert paused["since"] is not None
        assert (await ask(operators, "GET", f"{PATH}?recipient={'1' * 201}"))[0] == 400
        _, elsewhere = await ask(operators, "GET", "/v1/workspaces/w2/reachability")
        assert str(other) in [one["channel_id"] for one in elsewhere["channels"]]
        async with aiohttp.ClientSession() as session, session.get(operators + PATH) as refused:
            assert refused.status == 401


async def test_blocked_channel_is_told_until_it_may_be_tried_again(scene: Scene) -> None:
    scene.twilio.behave = lambda _: web.json_response({"code": 20003, "message": "no", "status": 401}, status=401)
    event = scene.request()
    async with scene.worker(), scene.webhooks() as (_, operators):
        await scene.publish(event)
        await scene.told.result_of(event)
        blocked = await reach(operators, scene.channel_id)
        while blocked["state"] == "open":  # the outcome is told a moment before the breaker is written
            blocked = await reach(operators, scene.channel_id)
        assert (blocked["state"], blocked["reason"]) == ("blocked", "channel_blocked")
        assert blocked["since"] < blocked["until"]
        await Senders(scene.database).resume(scene.channel_id)
        assert (await reach(operators, scene.channel_id))["state"] == "open"


async def test_opt_out_is_told_until_the_customer_or_a_later_message_lifts_it(scene: Scene) -> None:
    refuses = {"code": 21610, "message": "unsubscribed", "status": 400}
    people = Recipients(scene.database)
    async with scene.worker(), scene.webhooks() as (_, operators):

        async def refused() -> None:
            scene.twilio.behave = lambda _: web.json_response(refuses, status=400)
            event = scene.request()
            await scene.publish(event)
            await scene.told.result_of(event)
            while (await reach(operators, scene.channel_id))["opted_out"] is None:
                pass

        await refused()
        assert (await reach(operators, scene.channel_id))["opted_out"]["provider_code"] == "21610"
        assert (await reach(operators, scene.channel_id, "+4915112345679"))["opted_out"] is None
        await people.seen(reply(Channel.SMS, scene.channel_id, "What was that?"))
        assert (await reach(operators, scene.channel_id))["opted_out"] is not None
        await people.seen(reply(Channel.SMS, scene.channel_id, " Start "))
        assert (await reach(operators, scene.channel_id))["opted_out"] is None
        await refused()
        scene.twilio.behave = None
        event = scene.request()
        await scene.publish(event)
        await scene.told.result_of(event)
        assert (await reach(operators, scene.channel_id))["opted_out"] is None


async def test_opt_out_from_a_receipt_is_found_by_its_message_whenever_it_comes(scene: Scene) -> None:
    people = Recipients(scene.database)
    event = scene.request()
    async with scene.worker(), scene.webhooks() as (_, operators):
        await scene.publish(event)
        await scene.told.result_of(event)
        receipt = DeliveryReported(
            message_id=event.data.message_id,
            workspace_id="w1",
            channel=Channel.SMS,
            channel_id=scene.channel_id,
            provider="twilio",
            provider_message_id="SM1",
            status=ReceiptStatus.UNDELIVERED,
            reason=FailureReason.OPTED_OUT,
            provider_code="30004",
            reported_at=clock.now(),
        )
        await people.reported_opted_out(receipt)
        assert (await reach(operators, scene.channel_id))["opted_out"]["provider_code"] == "30004"
        await people.seen(reply(Channel.SMS, scene.channel_id, "START", received_at=clock.now()))
        await people.reported_opted_out(receipt)  # the same again, as providers do
        assert (await reach(operators, scene.channel_id))["opted_out"] is None
        await people.reported_opted_out(receipt.model_copy(update={"message_id": uuid4()}))
        await people.reported_opted_out(receipt.model_copy(update={"message_id": None}))
        count = await scene.database.fetchval("SELECT count(*) FROM dispatch.recipient")
        assert count == 1


async def test_window_is_open_for_a_day_after_the_newest_message_whatever_their_order(scene: Scene) -> None:
    settings = {"base_url": "http://127.0.0.1:9", "phone_number_id": PHONE_NUMBER_ID}
    whatsapp = await scene.connect(Channel.WHATSAPP, "meta", META_CREDENTIALS, **settings)
    people = Recipients(scene.database)
    newest = clock.now().replace(microsecond=0) - timedelta(minutes=1)
    async with scene.webhooks() as (_, operators):
        for at in (newest - timedelta(hours=30), newest, newest - timedelta(hours=1)):
            await people.seen(reply(Channel.WHATSAPP, whatsapp, received_at=at))
            await people.seen(reply(Channel.SMS, scene.channel_id, sender=NUMBER, received_at=at))
        told = await reach(operators, whatsapp)
        assert told["seen_at"] == newest.isoformat()
        assert told["window_open_until"] == (newest + timedelta(hours=24)).isoformat()
        sms = await reach(operators, scene.channel_id)
        assert (sms["seen_at"], sms["window_open_until"]) == (newest.isoformat(), None)
        ahead = clock.now() + timedelta(days=3)
        await people.seen(reply(Channel.WHATSAPP, whatsapp, received_at=ahead))
        believed = await reach(operators, whatsapp)
        assert believed["seen_at"] < clock.now().isoformat(), "a provider's clock that is ahead opens no longer window"


async def test_one_question_reads_indexes_however_many_people_there_are(scene: Scene) -> None:
    await scene.database.execute(
        "INSERT INTO dispatch.recipient (workspace_id, recipient, channel_id, seen_at) "
        "SELECT 'w1', '+49151' || n, $1, now() FROM generate_series(10000000, 10020000) n",
        scene.channel_id,
    )
    await scene.database.execute("ANALYZE dispatch.recipient")
    found = await Recipients(scene.database).reach("w1", "+4915110000007")
    assert [one.seen_at is not None for one in found] == [True]
    plan = await scene.database.fetch(f"EXPLAIN {storage.REACH}", "w1", "+4915110000007")
    assert any("recipient_pkey" in row[0] for row in plan)
