"""What the page tells of the app's events, and that a broker which is not there harms nobody."""

import asyncio
import json

import pytest

from sandbox.bus import line_of, read_event, type_name
from sandbox.stream import Stream
from tests.unit.sandbox.harness import ANNA_PHONE, LONGEST_WAIT_SECONDS, Json, MakeSandbox, Sandbox

REQUEST: Json = {
    "specversion": "1.0",
    "type": "proactive.send_requested.v1",
    "data": {
        "message_id": "01a207ae-a738-7d2e-9a41-6c0f5e1b7a20",
        "channel": "whatsapp",
        "recipient": ANNA_PHONE,
        "content": {"kind": "text", "text": "a secret text"},
        "requested_by": {"kind": "admin", "id": "814860", "name": "Maria Lopez"},
        "contact": {"name": "Anna Schmidt"},
    },
}
CHANGE: Json = {
    "type": "proactive.message_status_changed.v1",
    "data": {
        "message_id": "x-1b7a20",
        "channel": "sms",
        "previous": "sent",
        "status": "failed",
        "reason": "unreachable",
    },
}


def body(event: object) -> bytes:
    return json.dumps(event).encode()


def test_event_is_named_without_its_text_and_its_people() -> None:
    shown = read_event(body(REQUEST))
    assert shown == {"type": "SendRequested", "message": "1b7a20", "channel": "whatsapp"}


def test_change_of_status_is_told_with_its_reason() -> None:
    shown = read_event(body(CHANGE))
    assert shown is not None
    assert line_of(shown) == "MessageStatusChanged · sms · sent → failed · unreachable"


@pytest.mark.parametrize(
    "odd", [b"", b"no json", b"[]", b"{}", body({"type": 1, "data": {}}), body({"type": "x", "data": 1})]
)
def test_what_is_no_event_is_passed_over(odd: bytes) -> None:
    assert read_event(odd) is None


@pytest.mark.parametrize("status", ["<b>", ANNA_PHONE, 5, None, {"a": 1}])
def test_status_that_is_no_plain_word_is_not_shown(status: object) -> None:
    event = {**CHANGE, "data": {**CHANGE["data"], "status": status}}
    assert "status" not in (read_event(body(event)) or {})


def test_long_words_are_cut() -> None:
    shown = read_event(body({"type": f"proactive.{'long_' * 50}.v1", "data": {"status": "x" * 500}}))
    assert shown is not None
    assert max(map(len, shown.values())) <= 40


def test_type_loses_its_prefix_and_its_version() -> None:
    assert type_name("proactive.delivery_reported.v1") == "DeliveryReported"


def test_bus_that_stays_away_is_told_once() -> None:
    stream = Stream()
    for _ in range(3):
        stream.bus_is("away")
    assert [line["bus"] for line in stream.lines()] == ["away"]


async def test_without_a_broker_the_page_says_that_there_is_none(sandbox: Sandbox) -> None:
    assert (await sandbox.json(await sandbox.client.get("/sandbox/world")))["bus"] == "absent"


@pytest.mark.parametrize("url", ["amqp://127.0.0.1:1/", "amqp://guest:guest@127.0.0.1:1/%2F", "no address"])
async def test_broker_that_does_not_answer_harms_nobody(make_sandbox: MakeSandbox, url: str) -> None:
    sandbox = await make_sandbox(amqp_url=url)
    async with asyncio.timeout(LONGEST_WAIT_SECONDS):
        while (await sandbox.json(await sandbox.client.get("/sandbox/world")))["bus"] != "away":
            await asyncio.sleep(0.02)
    assert (await sandbox.send_sms()).status == 201
