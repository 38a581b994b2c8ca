"""The fake Infobip: what it accepts once per messageId, statuses in a 200, reports, seen reports, replies."""

from typing import Any

import aiohttp
import pytest

from tests.unit.sandbox.harness import ANNA_PHONE, VIBER_SENDER, Json, MakeSandbox, Receiver, Sandbox

DIGITS = ANNA_PHONE.removeprefix("+")


def hooks(receiver: Receiver, **delivery: Any) -> Json:
    return {
        "delivery": {"url": f"{receiver.url}/delivery?secret=s%2Ft", **delivery},
        "seen": {"url": f"{receiver.url}/seen"},
        "contentType": "application/json",
        "callbackData": "our id",
    }


async def only_status(sandbox: Sandbox, response: aiohttp.ClientResponse) -> Json:
    assert response.status == 200, await response.text()
    [message] = (await sandbox.json(response))["messages"]
    status: Json = message["status"]
    return status


async def test_message_is_taken_in_infobips_shape(sandbox: Sandbox) -> None:
    response = await sandbox.send_viber(message_id="our-id")
    body = await sandbox.json(response)
    [message] = body["messages"]
    assert (response.status, message["messageId"], message["destination"]) == (200, "our-id", DIGITS)
    assert (message["status"]["groupId"], message["status"]["name"]) == (1, "PENDING_ACCEPTED")
    [row] = await sandbox.ledger(provider="infobip", to=ANNA_PHONE)
    assert (row["accepted"], row["provider_message_id"], row["from"]) == (True, "our-id", VIBER_SENDER)


async def test_message_id_that_was_used_is_rejected_within_a_200(sandbox: Sandbox) -> None:
    await sandbox.send_viber()
    status = await only_status(sandbox, await sandbox.send_viber())
    assert (status["groupId"], status["id"], status["name"]) == (5, 23, "REJECTED_DUPLICATE_MESSAGE_ID")
    assert [row["accepted"] for row in await sandbox.ledger()] == [True, False]


async def test_message_id_of_a_refused_message_may_be_used_again(sandbox: Sandbox) -> None:
    await sandbox.behave("infobip", mode="error", remaining=1)
    assert (await sandbox.send_viber()).status == 500
    assert (await only_status(sandbox, await sandbox.send_viber()))["groupId"] == 1


async def test_lost_answer_is_cleared_up_by_the_same_message_id(sandbox: Sandbox) -> None:
    await sandbox.behave("infobip", mode="close_after_accepting", remaining=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.send_viber()
    assert (await only_status(sandbox, await sandbox.send_viber()))["id"] == 23
    assert sum(row["accepted"] for row in await sandbox.ledger()) == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"sender": None}, "messages[0].sender"),
        ({"destinations": []}, "messages[0].destinations"),
        ({"destinations": [{}]}, "messages[0].destinations[0].to"),
        ({"content": {"type": "TEXT", "text": ""}}, "messages[0].content.text"),
        ({"content": {"type": "TEXT", "text": "x" * 1001}}, "messages[0].content.text"),
        ({"content": {"text": "Hello"}}, "messages[0].content.type"),
        ({"message_id": "x" * 201}, "messages[0].destinations[0].messageId"),
    ],
)
async def test_bad_request_names_the_property(sandbox: Sandbox, change: Json, where: str) -> None:
    response = await sandbox.send_viber(**change)
    body = await sandbox.json(response)
    assert (response.status, body["errorCode"]) == (400, "E400")
    assert [one["property"] for one in body["violations"]] == [where]
    assert not any(row["accepted"] for row in await sandbox.ledger())


@pytest.mark.parametrize(("change", "status_id"), [({"to": "12ab"}, 52), ({"sender": "Other"}, 13)])
async def test_bad_message_is_rejected_within_a_200(sandbox: Sandbox, change: Json, status_id: int) -> None:
    status = await only_status(sandbox, await sandbox.send_viber(**change))
    assert (status["groupName"], status["id"]) == ("REJECTED", status_id)


async def test_wrong_key_is_refused_and_not_counted(sandbox: Sandbox) -> None:
    await sandbox.behave("infobip", mode="error", remaining=1)
    response = await sandbox.send_viber("other")
    assert (response.status, (await sandbox.json(response))["errorCode"]) == (401, "E401")
    assert (await sandbox.behaviour("infobip"))["remaining"] == 1


@pytest.mark.parametrize(
    ("mode", "status", "accepted"),
    [
        ("normal", 200, True),
        ("slow", 200, True),
        ("rate_limited", 429, False),
        ("error", 500, False),
        ("error_after_accepting", 500, True),
        ("invalid_number", 200, False),
        ("unauthorized", 401, False),
    ],
)
async def test_ledger_tells_the_truth_of_each_behaviour(
    sandbox: Sandbox, mode: str, status: int, accepted: bool
) -> None:
    await sandbox.behave("infobip", mode=mode, receipts="none")
    response = await sandbox.send_viber()
    assert response.status == status
    assert (await sandbox.json(response)).get("errorCode") == (None if status == 200 else f"E{status}")
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"]) == (accepted, status)


async def test_several_destinations_are_several_messages(sandbox: Sandbox) -> None:
    response = await sandbox.send_viber(destinations=[{"to": DIGITS}, {"to": "306941234567"}])
    assert len({one["messageId"] for one in (await sandbox.json(response))["messages"]}) == 2
    assert [row["to"] for row in await sandbox.ledger()] == [ANNA_PHONE, "+306941234567"]


async def test_final_report_and_seen_report_come_where_the_message_says(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.send_viber(webhooks=hooks(receiver))
    await receiver.wait_for(2)
    delivery, seen = receiver.received
    assert delivery.url == f"{receiver.url}/delivery?secret=s%2Ft"
    [report] = delivery.json["results"]
    assert (report["messageId"], report["callbackData"]) == ("m-1", "our id")
    assert (report["status"]["name"], report["error"]["name"]) == ("DELIVERED_TO_HANDSET", "NO_ERROR")
    assert report["sentAt"].endswith("+0000")
    assert seen.url == f"{receiver.url}/seen"
    assert seen.json["results"][0]["messageId"] == "m-1"
    assert (await sandbox.ledger())[0]["status"] == "read"


async def test_intermediate_report_comes_where_it_was_asked_for(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.send_viber(webhooks=hooks(receiver, intermediateReport=True))
    await receiver.wait_for(2)
    names = [one.json["results"][0]["status"]["name"] for one in receiver.received[:2]]
    assert names == ["DELIVERED_TO_OPERATOR", "DELIVERED_TO_HANDSET"]


async def test_failed_report_names_the_error(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("infobip", receipts="failed")
    await sandbox.send_viber(webhooks=hooks(receiver))
    await receiver.wait_for(1)
    [report] = receiver.received[0].json["results"]
    assert (report["status"]["groupName"], report["error"]["id"]) == ("UNDELIVERABLE", 7002)
    [row] = await sandbox.ledger()
    assert (row["reaches_phone"], row["status"], row["error_code"]) == (False, "undelivered", 7002)


async def test_duplicate_reports_come_three_times(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("infobip", receipts="duplicate")
    await sandbox.send_viber(webhooks=hooks(receiver))
    await receiver.wait_for(6)
    assert len({one.raw for one in receiver.received[:3]}) == 1


async def test_message_without_webhooks_gets_no_reports(sandbox: Sandbox) -> None:
    await sandbox.behave("infobip", receipts="none")
    await sandbox.send_viber()
    for status in ("sent", "delivered", "read"):
        assert await sandbox.receipt("infobip", "m-1", status) == {"taken": False, "answer_status": None}
    assert (await sandbox.ledger())[0]["status"] == "read"


async def test_log_finds_what_was_accepted(sandbox: Sandbox) -> None:
    await sandbox.behave("infobip", receipts="none")
    await sandbox.send_viber()
    headers = {"Authorization": "App infobip-api-key"}
    for message_id, found in (("m-1", 1), ("m-2", 0)):
        answer = await sandbox.client.get(f"/infobip/viber/2/logs?messageId={message_id}", headers=headers)
        assert len((await answer.json())["results"]) == found
    assert (await sandbox.client.get("/infobip/viber/2/logs")).status == 401


async def test_reply_reaches_the_inbound_address(make_sandbox: MakeSandbox, receiver: Receiver) -> None:
    sandbox = await make_sandbox(viber_inbound_url=f"{receiver.url}/webhooks/infobip/1?secret=s")
    reply = {"channel": "viber", "from": ANNA_PHONE, "to": VIBER_SENDER, "text": "Danke ✓"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert await answer.json() == {"taken": True, "answer_status": 200}
    [one] = receiver.received
    [inbound] = one.json["results"]
    assert (inbound["sender"], inbound["to"], inbound["integrationType"]) == (DIGITS, VIBER_SENDER, "VIBER")
    assert (inbound["message"]["type"], inbound["message"]["text"]) == ("TEXT", "Danke ✓")
    assert one.url.endswith("/webhooks/infobip/1?secret=s")


async def test_reply_without_an_inbound_address_is_refused(sandbox: Sandbox) -> None:
    reply = {"channel": "viber", "from": ANNA_PHONE, "to": VIBER_SENDER, "text": "Hi"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert answer.status == 409
    assert "SANDBOX_INFOBIP_INBOUND_URL" in (await answer.json())["error"]
