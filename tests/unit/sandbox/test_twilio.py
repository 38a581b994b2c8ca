"""The fake Twilio: what it accepts, what the ledger says of each behaviour, receipts, look-ups, replies."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from sandbox.providers.twilio import signature
from sandbox.providers.twilio_rules import segments
from tests.unit.sandbox.harness import ACCOUNT, ANNA_PHONE, AUTH_TOKEN, SENDER, MakeSandbox, Receiver, Sandbox

LONGEST_WAIT_SECONDS = 6


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that happens soon, in the background of the sandbox."""
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while not await holds():
            await asyncio.sleep(0.02)


async def test_message_is_taken_in_twilios_shape(sandbox: Sandbox) -> None:
    response = await sandbox.send_sms()
    message = await sandbox.json(response)
    assert response.status == 201
    assert re.fullmatch(r"SM[0-9a-f]{32}", message["sid"])
    assert (message["status"], message["to"], message["from"]) == ("queued", ANNA_PHONE, SENDER)
    [row] = await sandbox.ledger(provider="twilio", to=ANNA_PHONE)
    assert row["provider_message_id"] == message["sid"]
    assert (row["accepted"], row["answer_status"], row["text"]) == (True, 201, "Hello")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": None}, 21604),
        ({"To": "12345"}, 21211),
        ({"Body": None}, 21602),
        ({"ValidityPeriod": "0"}, 21624),
        ({"ValidityPeriod": "36001"}, 21624),
        ({"ValidityPeriod": "soon"}, 21624),
        ({"Body": "x" * 1601}, 21617),
        ({"From": "+15550000000"}, 21606),
        ({"From": None}, 21603),
    ],
)
async def test_bad_message_is_refused_with_its_code(sandbox: Sandbox, change: dict[str, str | None], code: int) -> None:
    response = await sandbox.send_sms(**change)
    body = await sandbox.json(response)
    assert (response.status, body["status"], body["code"]) == (400, 400, code)
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"], row["status"]) == (False, 400, "refused")


async def test_longest_body_is_taken(sandbox: Sandbox) -> None:
    assert (await sandbox.send_sms(Body="x" * 1600)).status == 201


async def test_wrong_password_is_refused_and_not_counted(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", mode="error", remaining=1)
    response = await sandbox.send_sms("other")
    assert (response.status, (await sandbox.json(response))["code"]) == (401, 20003)
    assert (await sandbox.behaviour("twilio"))["remaining"] == 1


@pytest.mark.parametrize(
    ("mode", "status", "code", "accepted"),
    [
        ("normal", 201, None, True),
        ("slow", 201, None, True),
        ("rate_limited", 429, 20429, False),
        ("error", 500, 20500, False),
        ("error_after_accepting", 500, 20500, True),
        ("invalid_number", 400, 21211, False),
        ("unauthorized", 401, 20003, False),
    ],
)
async def test_ledger_tells_the_truth_of_each_behaviour(
    sandbox: Sandbox, mode: str, status: int, code: int | None, accepted: bool
) -> None:
    await sandbox.behave("twilio", mode=mode, receipts="none")
    response = await sandbox.send_sms()
    assert (response.status, (await sandbox.json(response)).get("code")) == (status, code)
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"]) == (accepted, status)
    assert (row["provider_message_id"] is not None) == accepted


@pytest.mark.parametrize(("mode", "accepted"), [("close_after_accepting", True), ("close_before_accepting", False)])
async def test_closed_connection_may_or_may_not_have_been_accepted(sandbox: Sandbox, mode: str, accepted: bool) -> None:
    await sandbox.behave("twilio", mode=mode)
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.send_sms()
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["answer_status"]) == (accepted, 0)


async def test_retry_after_is_sent_as_set(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", mode="rate_limited", retry_after="7")
    assert (await sandbox.send_sms()).headers["Retry-After"] == "7"


async def test_slow_accepts_at_arrival(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", mode="slow", delay_seconds=0.3)
    begun = time.monotonic()
    call = asyncio.create_task(sandbox.send_sms())

    async def accepted() -> bool:
        return bool(await sandbox.ledger())

    await until(accepted)
    assert not call.done()
    assert (await call).status == 201
    assert time.monotonic() - begun >= 0.3


async def test_remaining_counts_down_to_normal_and_keeps_the_receipts(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", mode="error", remaining=2, receipts="none")
    assert [(await sandbox.send_sms()).status for _ in range(3)] == [500, 500, 201]
    behaviour = await sandbox.behaviour("twilio")
    assert (behaviour["mode"], behaviour["remaining"], behaviour["receipts"]) == ("normal", None, "none")


async def statuses(receiver: Receiver) -> list[str]:
    return [one.form["MessageStatus"] for one in receiver.received]


@pytest.mark.parametrize(
    ("mode", "expected", "final"),
    [
        ("automatic", ["sent", "delivered"], "delivered"),
        ("failed", ["sent", "undelivered"], "undelivered"),
        ("duplicate", ["sent"] * 3 + ["delivered"] * 3, "delivered"),
    ],
)
async def test_receipts_follow_the_message(
    sandbox: Sandbox, receiver: Receiver, mode: str, expected: list[str], final: str
) -> None:
    await sandbox.behave("twilio", receipts=mode)
    callback = f"{receiver.url}/webhooks/twilio/1?mid=abc%2Fd"
    sid = (await sandbox.json(await sandbox.send_sms(StatusCallback=callback)))["sid"]

    async def all_came() -> bool:
        return len(receiver.received) >= len(expected)

    await until(all_came)
    assert await statuses(receiver) == expected
    last = receiver.received[-1]
    assert (last.form["MessageSid"], last.form["To"], last.form["AccountSid"]) == (sid, ANNA_PHONE, ACCOUNT)
    assert last.form.get("ErrorCode") == ("30003" if mode == "failed" else None)
    assert last.headers["X-Twilio-Signature"] == signature(AUTH_TOKEN, callback, last.form)
    message = await sandbox.look_up(f"Messages/{sid}.json")
    assert (message["status"], message["error_code"]) == (final, 30003 if mode == "failed" else None)


async def test_receipt_that_is_not_taken_comes_again(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("twilio", receipts="none")
    sid = (await sandbox.json(await sandbox.send_sms(StatusCallback=f"{receiver.url}/hook")))["sid"]
    receiver.answers = [(503, {}), (500, {})]
    path = f"/sandbox/twilio/messages/{sid}/receipt"
    answer = await sandbox.client.post(path, json={"status": "delivered", "error_code": None})
    assert await answer.json() == {"taken": True, "answer_status": 200}
    assert await statuses(receiver) == ["delivered"] * 3


async def test_receipt_out_of_order_does_not_take_the_status_back(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("twilio", receipts="none")
    sid = (await sandbox.json(await sandbox.send_sms(StatusCallback=f"{receiver.url}/hook")))["sid"]
    for status in ("delivered", "sent"):
        await sandbox.client.post(f"/sandbox/twilio/messages/{sid}/receipt", json={"status": status})
    assert await statuses(receiver) == ["delivered", "sent"]
    [row] = await sandbox.ledger()
    assert row["status"] == "delivered"


async def test_fragment_of_the_callback_address_is_not_signed(sandbox: Sandbox, receiver: Receiver) -> None:
    await sandbox.behave("twilio", receipts="none")
    callback = f"{receiver.url}/hook?x=1#rc=5&rp=all"
    sid = (await sandbox.json(await sandbox.send_sms(StatusCallback=callback)))["sid"]
    await sandbox.client.post(f"/sandbox/twilio/messages/{sid}/receipt", json={"status": "sent"})
    [one] = receiver.received
    assert one.headers["X-Twilio-Signature"] == signature(AUTH_TOKEN, f"{receiver.url}/hook?x=1", one.form)


async def test_look_up_finds_what_was_accepted_only(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", mode="error", remaining=1)
    await sandbox.send_sms(Body="refused")
    await sandbox.send_sms(Body="first")
    await sandbox.send_sms(Body="other", To="+306941234567")
    query = {"To": ANNA_PHONE, "From": SENDER, "DateSent>": "2020-01-01"}
    assert [one["body"] for one in (await sandbox.look_up("Messages.json", **query))["messages"]] == ["first"]
    assert (await sandbox.look_up("Messages.json", **{"DateSent>": "2999-01-01"}))["messages"] == []
    page = await sandbox.look_up("Messages.json", PageSize="1")
    assert page["next_page_uri"] is not None


async def test_reply_reaches_the_inbound_address_signed(make_sandbox: MakeSandbox, receiver: Receiver) -> None:
    inbound = f"{receiver.url}/webhooks/twilio/1"
    sandbox = await make_sandbox(inbound_url=inbound)
    reply = {"channel": "sms", "from": ANNA_PHONE, "to": SENDER, "text": "Danke ✓"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert await answer.json() == {"taken": True, "answer_status": 200}
    [one] = receiver.received
    assert (one.form["From"], one.form["To"], one.form["Body"]) == (ANNA_PHONE, SENDER, "Danke ✓")
    assert one.form["SmsStatus"] == "received"
    assert one.headers["X-Twilio-Signature"] == signature(AUTH_TOKEN, inbound, one.form)
    [bubble] = (await (await sandbox.client.get("/sandbox/phone")).json())["messages"]
    assert (bubble["direction"], bubble["customer"]) == ("from_customer", ANNA_PHONE)


async def test_stop_is_refused_with_21610_until_start(make_sandbox: MakeSandbox, receiver: Receiver) -> None:
    sandbox = await make_sandbox(inbound_url=f"{receiver.url}/webhooks/twilio/1")
    for said, status in (("Hello", 201), (" Stop ", 400), ("Why?", 400), ("START", 201)):
        reply = {"channel": "sms", "from": ANNA_PHONE, "to": SENDER, "text": said}
        await sandbox.client.post("/sandbox/phone/reply", json=reply)
        response = await sandbox.send_sms()
        assert response.status == status
        assert (await sandbox.json(response)).get("code") == (21610 if status == 400 else None)


async def test_reply_without_an_inbound_address_is_refused(sandbox: Sandbox) -> None:
    reply = {"channel": "sms", "from": ANNA_PHONE, "to": SENDER, "text": "Hi"}
    answer = await sandbox.client.post("/sandbox/phone/reply", json=reply)
    assert answer.status == 409
    assert "SANDBOX_TWILIO_INBOUND_URL" in (await answer.json())["error"]


def test_signature_matches_twilios_published_example() -> None:
    # https://www.twilio.com/docs/usage/security: the worked example.
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("🚚" * 35, 1),
        ("🚚" * 36, 2),
    ],
)
def test_segments_are_counted_by_alphabet(text: str, parts: int) -> None:
    assert segments(text) == parts


async def test_message_lost_on_the_way_is_not_on_the_phone(sandbox: Sandbox) -> None:
    await sandbox.behave("twilio", receipts="failed")
    await sandbox.send_sms()
    [row] = await sandbox.ledger()
    assert (row["accepted"], row["reaches_phone"]) == (True, False)
    assert (await sandbox.json(await sandbox.client.get("/sandbox/phone")))["messages"] == []
