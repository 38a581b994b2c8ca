"""The control endpoints: clear refusals, reset, snapshot, events for the page, and the page itself."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.settings import SettingsError, read_settings
from sandbox.snapshot import SnapshotError
from tests.unit.sandbox.harness import ANNA_PHONE, Json, MakeSandbox, Sandbox

ENVIRONMENT = {
    "SANDBOX_PORT": "0",
    "SANDBOX_GATEWAY_URL": "http://127.0.0.1:1/",
    "SANDBOX_CLIENT_SECRET": "secret",
    "SANDBOX_WORKSPACE_ID": "sandbox1",
    "SANDBOX_INTERCOM_TOKEN": "token",
    "SANDBOX_TWILIO_ACCOUNT_SID": "AC1",
    "SANDBOX_TWILIO_AUTH_TOKEN": "auth",
}
NOTE: Json = {"message_type": "note", "type": "admin", "admin_id": "814860", "body": "kept"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "sleepy"}, "mode"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"remaining": 0}, "remaining"),
        ({"receipts": "maybe"}, "receipts"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_behaviour_names_the_field(sandbox: Sandbox, body: Json, field: str) -> None:
    answer = await sandbox.client.put("/sandbox/behaviour/twilio", json=body)
    assert answer.status == 400
    problem = await answer.json()
    assert problem["field"] == field
    assert field in problem["error"]


async def test_body_that_is_no_json_is_refused(sandbox: Sandbox) -> None:
    answer = await sandbox.client.put("/sandbox/behaviour/twilio", data=b"mode=slow")
    assert (answer.status, (await answer.json())["error"]) == (400, "the body is no JSON")


@pytest.mark.parametrize(
    "path", ["/sandbox/behaviour/nobody", "/sandbox/ledger?provider=nobody", "/sandbox/conversations/1"]
)
async def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert (await sandbox.client.get(path)).status == 404


async def test_ledger_takes_a_number_whose_plus_was_not_escaped(sandbox: Sandbox) -> None:
    await sandbox.send_sms()
    answer = await sandbox.client.get(f"/sandbox/ledger?provider=twilio&to={ANNA_PHONE}")
    assert len((await answer.json())["submissions"]) == 1


async def test_receipt_of_an_unknown_status_is_refused(sandbox: Sandbox) -> None:
    sid = (await sandbox.json(await sandbox.send_sms()))["sid"]
    answer = await sandbox.client.post(f"/sandbox/twilio/messages/{sid}/receipt", json={"status": "eaten"})
    assert (answer.status, (await answer.json())["field"]) == (400, "status")


async def test_reset_brings_the_fixtures_back(sandbox: Sandbox) -> None:
    before = await sandbox.parts("215470001")
    await sandbox.send_sms()
    await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
    await sandbox.behave("twilio", mode="error")
    assert (await sandbox.client.post("/sandbox/reset")).status == 200
    assert await sandbox.ledger() == []
    assert len(await sandbox.parts("215470001")) == len(before)
    assert (await sandbox.behaviour("twilio"))["mode"] == "normal"
    assert (await sandbox.send_sms()).status == 201


async def test_no_conversation_gets_the_id_of_one_before_a_reset(sandbox: Sandbox) -> None:
    opening = {"from": {"type": "user", "id": "6657add46abd0167d9419001"}, "body": "Hello"}
    before = await sandbox.json(await sandbox.intercom("POST", "/conversations", opening))
    await sandbox.client.post("/sandbox/reset")
    after = await sandbox.json(await sandbox.intercom("POST", "/conversations", opening))
    assert int(after["conversation_id"]) > int(before["conversation_id"])


async def test_state_file_survives_a_restart(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    path = tmp_path / "state" / "sandbox.json"
    first = await make_sandbox(state_file=path)
    sid = (await first.json(await first.send_sms()))["sid"]
    await first.intercom("POST", "/conversations/215470001/reply", NOTE)
    await first.behave("twilio", mode="slow", delay_seconds=3, receipts="none")
    await first.client.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    second = await make_sandbox(state_file=path)
    assert [row["provider_message_id"] for row in await second.ledger()] == [sid]
    assert (await second.parts("215470001"))[-1]["body"] == "<p>kept</p>"
    assert (await second.behaviour("twilio"))["delay_seconds"] == 3
    assert (await second.look_up(f"Messages/{sid}.json"))["sid"] == sid


async def test_changes_reach_an_open_page(sandbox: Sandbox) -> None:
    async with sandbox.client.get("/sandbox/stream") as stream:
        assert stream.content_type == "text/event-stream"
        await sandbox.intercom("POST", "/conversations/215470001/reply", NOTE)
        async with asyncio.timeout(3):
            while not (line := (await stream.content.readline()).decode()).startswith("data: "):
                pass
    event = json.loads(line.removeprefix("data: "))
    assert event["topic"] == "conversations"
    assert "Maria Lopez" in event["line"]


async def test_lines_carry_neither_texts_nor_numbers(sandbox: Sandbox) -> None:
    await sandbox.send_sms(Body="a secret text")
    lines = json.dumps((await (await sandbox.client.get("/sandbox/world")).json())["lines"])
    assert "accepted" in lines
    assert "a secret text" not in lines
    assert ANNA_PHONE not in lines


async def test_page_and_its_files_are_served_with_a_strict_policy(sandbox: Sandbox) -> None:
    page = await sandbox.client.get("/")
    assert page.status == 200
    assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
    script = await sandbox.client.get("/page/canvas.js")
    assert "javascript" in script.content_type
    assert (await sandbox.client.get("/page/..%2Fapp.py")).status == 404


def test_missing_settings_are_all_named() -> None:
    given = {key: value for key, value in ENVIRONMENT.items() if "TWILIO" not in key}
    with pytest.raises(SettingsError, match="SANDBOX_TWILIO_ACCOUNT_SID, SANDBOX_TWILIO_AUTH_TOKEN"):
        read_settings(given)


def test_settings_are_read() -> None:
    settings = read_settings(ENVIRONMENT)
    assert (settings.gateway_url, settings.twilio_senders) == ("http://127.0.0.1:1", ("+4915700000001",))


async def test_process_says_where_it_is_and_stops_on_sigterm(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        env={**os.environ, **ENVIRONMENT, "SANDBOX_STATE_FILE": str(state)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    assert line.startswith(b"sandbox: the page is at http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, errors) == (0, b"")
    assert state.exists()


async def test_process_without_settings_says_so_in_one_line() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SANDBOX_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert b"SANDBOX_PORT" in errors


@pytest.mark.parametrize("content", [b"{}", b"no json"])
async def test_unreadable_state_file_is_named(make_sandbox: MakeSandbox, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=r"state\.json cannot be read: remove it"):
        await make_sandbox(state_file=path)


async def test_page_is_told_what_each_provider_plays(sandbox: Sandbox) -> None:
    world = await sandbox.json(await sandbox.client.get("/sandbox/world"))
    channels = {one["channel"]: one for one in world["channels"]}
    assert {name: one["senders"] for name, one in channels.items()} == {
        "sms": ["+4915700000001"],
        "whatsapp": ["+4915700000002"],
        "viber": ["Proactive"],
    }
    assert [name for name, one in channels.items() if "window_closed" in one["modes"]] == ["whatsapp"]
    assert {"status": "read", "error_code": None} in channels["viber"]["receipts"]


async def test_conversation_that_a_teammate_opens_is_first_in_the_list(sandbox: Sandbox) -> None:
    message: Json = {
        "message_type": "in_app",
        "body": "Hello",
        "from": {"type": "admin", "id": 814860},
        "to": {"type": "user", "id": "6657add46abd0167d9419002"},
        "create_conversation_without_contact_reply": True,
    }
    opened = await sandbox.json(await sandbox.intercom("POST", "/messages", message))
    path = f"/conversations/{opened['conversation_id']}"
    assign = {"message_type": "assignment", "type": "admin", "admin_id": "814860", "assignee_id": "814860"}
    await sandbox.intercom("POST", f"{path}/parts", assign)
    assert (await sandbox.json(await sandbox.intercom("PUT", path, {"read": True})))["read"] is True
    first = (await sandbox.json(await sandbox.client.get("/sandbox/conversations")))["conversations"][0]
    assert (first["id"], first["assignee"], first["excerpt"]) == (opened["conversation_id"], "Maria Lopez", "Hello")


def test_settings_of_other_channels_may_be_left_out_or_empty() -> None:
    bare = read_settings(ENVIRONMENT)
    empty = dict.fromkeys(("SANDBOX_META_ACCESS_TOKEN", "SANDBOX_INFOBIP_API_KEY", "SANDBOX_AMQP_URL"), "")
    assert read_settings({**ENVIRONMENT, **empty}) == bare
    assert (bare.meta.webhook_url, bare.infobip.inbound_url, bare.amqp_url) == (None, None, None)


def test_settings_of_other_channels_are_read() -> None:
    given = {
        "SANDBOX_META_WEBHOOK_URL": "http://127.0.0.1:2/m",
        "SANDBOX_META_SENDER": "+491",
        "SANDBOX_INFOBIP_SENDERS": "One, Two",
        "SANDBOX_INFOBIP_INBOUND_URL": "http://127.0.0.1:2/i",
        "SANDBOX_OAUTH_CALLBACK_URL": "http://127.0.0.1:2/c",
        "SANDBOX_CLIENT_ID": "app",
    }
    settings = read_settings({**ENVIRONMENT, **given})
    assert (settings.meta.webhook_url, settings.meta.sender) == ("http://127.0.0.1:2/m", "+491")
    assert (settings.infobip.senders, settings.infobip.inbound_url) == (("One", "Two"), "http://127.0.0.1:2/i")
    assert (settings.oauth.client_id, settings.oauth.callback_url) == ("app", "http://127.0.0.1:2/c")
