"""The fake Meta: what it accepts, what the ledger says of each behaviour, signed webhooks, replies."""

import json

import aiohttp
import pytest

from sandbox.providers.meta import signature
from tests.unit.sandbox.harness import (
    ANNA_PHONE,
    APP_SECRET,
    PHONE_NUMBER_ID,
    VERIFY_TOKEN,
    WHATSAPP_SENDER,
    Json,
    MakeSandbox,
    Received,
    Receiver,
    Sandbox,
)


@pytest.fixture
async def sandbox(make_sandbox: MakeSandbox, receiver: Receiver) -> Sandbox:
    return await make_sandbox(meta_url=f"{receiver.url}/webhooks/meta/1")


def value_of(received: Received) -> Json:
    """What changed, after a look at the signature over the raw body."""
    assert received.headers["X-Hub-Signature-256"] == f"sha256={signature(APP_SECRET, received.raw)}"
    [entry] = received.json["entry"]
    [change] = entry["changes"]
    assert (received.json["object"], change["field"]) == ("whatsapp_business_account", "messages")
    value: Json = change["value"]
    assert value["metadata"]["phone_number_id"] == PHONE_NUMBER_ID
    return value


async def test_message_is_taken_in_metas_shape(sandbox: Sandbox) -> None:
    response = await sandbox.send_whatsapp(biz_opaque_callback_data="our-id")
    body = await sandbox.json(response)
    assert response.status == 200
    digits = ANNA_PHONE.removeprefix("+")
    assert (body["messaging_product"], body["contacts"]) == ("whatsapp", [{"input": digits, "wa_id": digits}])
    [message] = body["messages"]
    [row] = await sandbox.ledger(provider="meta", to=ANNA_PHONE)
    assert message["id"].startswith("wamid.")
    assert row["provider_message_id"] == message["id"]
    assert (row["accepted"], row["from"], row["text"], row["reference"]) == (True, WHATSAPP_SENDER, "Hello", "our-id")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messaging_product": None}, 100),
        ({"to": None}, 100),
        ({"to": "12ab"}, 131009),
        ({"to": "US.13491208655302741918"}, 131009),
        ({"text": {"body": ""}}, 100),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"text": {"body": "x", "preview": True}}, 100),
        ({"colour": "red"}, 100),
        ({"recipient_type": "crowd"}, 100),
        ({"type": "image"}, 100),
        ({"type": None}, 100),
        ({"type": "template", "template": {"name": "hello"}}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"phone_number_id": "1"}, 100),
    ],
)
async def test_bad_message_is_refused_with_its_code(sandbox: Sandbox, change: Json, code: int) -> None:
    response = await sandbox.send_whatsapp(**change)
    error = (await sandbox.json(response))["error"]
    assert (response.status, error["code"], error["type"]) == (400, code, "OAuthException")
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"], row["status"]) == (False, 400, "refused")


@pytest.mark.parametrize(
    "change",
    [
        {"text": {"body": "x" * 4096}},
        {"to": None, "recipient": "US.13491208655302741918"},
        {"type": "template", "text": None, "template": {"name": "hello_world", "language": {"code": "en_US"}}},
    ],
)
async def test_unusual_message_is_taken(sandbox: Sandbox, change: Json) -> None:
    assert (await sandbox.send_whatsapp(**change)).status == 200


async def test_wrong_token_is_refused_and_not_counted(sandbox: Sandbox) -> None:
    await sandbox.behave("meta", mode="error", remaining=1)
    response = await sandbox.send_whatsapp("other")
    assert (response.status, (await sandbox.json(response))["error"]["code"]) == (401, 190)
    assert (await sandbox.behaviour("meta"))["remaining"] == 1


@pytest.mark.parametrize(
    ("mode", "status", "code", "accepted"),
    [
        ("normal", 200, None, True),
        ("slow", 200, None, True),
        ("rate_limited", 429, 130429, False),
        ("error", 500, 131000, False),
        ("error_after_accepting", 500, 131000, True),
        ("invalid_number", 400, 131009, False),
        ("unauthorized", 401, 190, False),
        ("window_closed", 200, None, True),
    ],
)
async def test_ledger_tells_the_truth_of_each_behaviour(
    sandbox: Sandbox, mode: str, status: int, code: int | None, accepted: bool
) -> None:
    await sandbox.behave("meta", mode=mode, receipts="none")
    response = await sandbox.send_whatsapp()
    assert (response.status, (await sandbox.json(response)).get("error", {}).get("code")) == (status, code)
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"]) == (accepted, status)
    assert row["reaches_phone"] == (accepted and mode != "window_closed")


@pytest.mark.parametrize(("mode", "accepted"), [("close_after_accepting", True), ("close_before_accepting", False)])
async def test_closed_connection_may_or_may_not_have_been_accepted(sandbox: Sandbox, mode: str, accepted: bool) -> None:
    await sandbox.behave("meta", mode=mode)
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.send_whatsapp()
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"]) == (accepted, 0)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({}, [("sent", None), ("delivered", None), ("read", None)]),
        ({"receipts": "failed"}, [("sent", None), ("failed", 131026)]),
        ({"receipts": "duplicate"}, [("sent", None)] * 3 + [("delivered", None)] * 3 + [("read", None)] * 3),
        ({"mode": "window_closed"}, [("failed", 131047)]),
    ],
)
async def test_statuses_follow_the_message(
    sandbox: Sandbox, receiver: Receiver, behaviour: Json, expected: list[tuple[str, int | None]]
) -> None:
    await sandbox.behave("meta", **behaviour)
    sent = await sandbox.json(await sandbox.send_whatsapp(biz_opaque_callback_data="our-id"))
    await receiver.wait_for(len(expected))
    [*statuses] = [value_of(one)["statuses"][0] for one in receiver.received]
    assert [(one["status"], one.get("errors", [{}])[0].get("code")) for one in statuses] == expected
    assert {one["id"] for one in statuses} == {sent["messages"][0]["id"]}
    assert {one["biz_opaque_callback_data"] for one in statuses} == {"our-id"}
    assert (await sandbox.ledger())[0]["status"] == expected[-1][0]


async def test_webhook_is_signed_as_sent_not_as_it_might_be_written_again(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("meta", receipts="none")
    sent = await sandbox.json(await sandbox.send_whatsapp(biz_opaque_callback_data="a/b ü"))
    await sandbox.receipt("meta", sent["messages"][0]["id"], "delivered")
    [one] = receiver.received
    assert b'"a\\/b \\u00fc"' in one.raw
    assert value_of(one)["statuses"][0]["biz_opaque_callback_data"] == "a/b ü"
    assert signature(APP_SECRET, json.dumps(one.json).encode()) not in one.headers["X-Hub-Signature-256"]


async def test_late_receipts_take_their_time(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("meta", receipts="late")
    await sandbox.send_whatsapp()
    with pytest.raises(TimeoutError):
        await receiver.wait_for(1)
    assert (await sandbox.ledger())[0]["status"] == "queued"


async def test_reply_reaches_the_apps_webhook(sandbox: Sandbox, receiver: Receiver) -> None:
    reply = {"channel": "whatsapp", "from": ANNA_PHONE, "to": WHATSAPP_SENDER, "text": "Danke ✓"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert await answer.json() == {"taken": True, "answer_status": 200}
    [one] = receiver.received
    value = value_of(one)
    [message] = value["messages"]
    assert (message["from"], message["type"], message["text"]) == (
        ANNA_PHONE.removeprefix("+"),
        "text",
        {"body": "Danke ✓"},
    )
    assert value["contacts"][0]["wa_id"] == message["from"]
    assert value["metadata"]["display_phone_number"] == WHATSAPP_SENDER.removeprefix("+")
    [bubble] = (await (await sandbox.client.get("/sandbox/phone")).json())["messages"]
    assert (bubble["direction"], bubble["channel"]) == ("from_customer", "whatsapp")


async def test_without_a_webhook_nothing_is_reported_and_replies_are_refused(make_sandbox: MakeSandbox) -> None:
    sandbox = await make_sandbox()
    sent = await sandbox.json(await sandbox.send_whatsapp())
    assert await sandbox.receipt("meta", sent["messages"][0]["id"], "read") == {"taken": False, "answer_status": None}
    reply = {"channel": "whatsapp", "from": ANNA_PHONE, "to": WHATSAPP_SENDER, "text": "Hi"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert answer.status == 409
    assert "SANDBOX_META_WEBHOOK_URL" in (await answer.json())["error"]


async def test_webhook_is_verified_by_its_challenge(sandbox: Sandbox, receiver: Receiver) -> None:
    answer = await sandbox.json(await sandbox.client.post("/sandbox/meta/verify"))
    # This receiver answers an empty object, not the challenge.
    assert answer == {"verified": False, "answer_status": 200}
    [asked] = receiver.received
    assert "hub.mode=subscribe" in asked.url
    assert f"hub.verify_token={VERIFY_TOKEN}" in asked.url


@pytest.mark.parametrize("provider", ["twilio", "infobip"])
async def test_closed_window_is_whatsapps_alone(sandbox: Sandbox, provider: str) -> None:
    answer = await sandbox.client.put(f"/sandbox/behaviour/{provider}", json={"mode": "window_closed"})
    assert (answer.status, (await answer.json())["field"]) == (400, "mode")


def test_signature_is_the_hmac_of_the_raw_body() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature("Jefe", b"what do ya want for nothing?") == expected
