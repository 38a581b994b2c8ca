"""The command line on a real broker and database, from an empty one to a message on its way."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import aio_pika
import pytest
from cryptography.fernet import Fernet

from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.requests import SendRequested
from runtime.amqp.connection import connect
from tests.unit.proactivectl.command import Command

WORKSPACE_KEY, CHANNEL_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
CHANNEL_ID = "0b5ad1a0-0000-4000-8000-000000000001"
DECLARED = f"""
workspaces:
  - id: sandbox1
    name: Sandbox
    time_zone: Europe/Athens
    token: {{env: SOME_TOKEN}}
    channels:
      - name: Support line
        id: {CHANNEL_ID}
        channel: sms
        provider: twilio
        sender: "+4915700000001"
        credentials: {{account_sid: {{file: auth_token}}, auth_token: {{file: auth_token}}}}
"""
TWILIO = ("--credential", "account_sid=env:SOME_TOKEN", "--credential", "auth_token=env:SOME_TOKEN")
META = [f"--credential={name}=env:SOME_TOKEN" for name in ("access_token", "app_secret", "verify_token")]
SEND = ("send", "--workspace", "sandbox1", "--to", "+49 1511 2345678", "--text", "Your parcel is here.")


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], amqp_url: str, database_url: str
) -> Command:
    """The command line with everything set; the tracker is nowhere."""
    environment = {
        "AMQP_URL": amqp_url,
        "DATABASE_URL": database_url,
        "PROACTIVE_WORKSPACE_KEYS": WORKSPACE_KEY,
        "PROACTIVE_CHANNEL_KEYS": CHANNEL_KEY,
        "PROACTIVE_TRACKER_URL": "http://127.0.0.1:1",
        "PROACTIVE_TRACKER_TOKEN": "token",
        "SOME_TOKEN": "s3cret",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PROACTIVE_MANAGEMENT_URL", raising=False)
    return Command(monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "auth_token").write_text("s3cret too\n")
    path = tmp_path / "channels.yaml"
    path.write_text(DECLARED)
    return path


@pytest.fixture
def ready(run: Command, file: Path) -> Command:
    """Migrated, declared and connected."""
    run("migrate")
    run("topology", "apply")
    run("apply", "-f", str(file))
    return run


class FakeTracker(BaseHTTPRequestHandler):
    """Knows every message, in the states of `statuses` one after the other; `event_id` is of the version it shows."""

    statuses: ClassVar[list[str]] = []
    event_id: ClassVar[str | None] = None

    def do_GET(self) -> None:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        entry = {"at": "2026-11-22T12:00:00Z", "event": "x", "status": status, "source": "dispatcher", "attempt": 1}
        body = {"status": status, "event_id": self.event_id, "reason": None, "timeline": [entry]}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch, run: Command) -> Iterator[type[FakeTracker]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeTracker)
    monkeypatch.setenv("PROACTIVE_TRACKER_URL", f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield FakeTracker
    server.shutdown()
    thread.join()
    server.server_close()


def taken(url: str, queue: str) -> list[Event[SendRequested]]:
    """Everything in a queue, taken out of it."""

    async def take() -> list[Event[SendRequested]]:
        connection = await connect(url, "test")
        try:
            found = await (await connection.channel()).get_queue(queue)
            bodies = []
            while message := await found.get(fail=False, no_ack=True):
                bodies.append(message.body)
            return [decode(body) for body in bodies]
        finally:
            await connection.close()

    return asyncio.run(take())


def publish_status(url: str) -> None:
    """Something for every listener."""

    async def publish() -> None:
        connection = await connect(url, "test")
        channel = await connection.channel()
        exchange = await channel.get_exchange("proactive.events")
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="status.sandbox1.sms.sent")
        await connection.close()

    asyncio.run(publish())


def test_set_up_from_nothing_and_again(run: Command, file: Path) -> None:
    assert "Run: proactivectl migrate" in run("workspace", "list", code=1).err

    assert "directory/0001_connected" in run("migrate", "--json").document["applied"]
    assert run("migrate", "--json").document["applied"] == []

    missing = run("topology", "diff", "--json", code=1).document["differences"]
    assert "missing queue dispatcher.sms.interactive" in missing
    assert len(run("topology", "apply", "--json").document["declared"]) == len(missing)
    assert run("topology", "apply", "--json").document["declared"] == []
    assert run("topology", "diff", "--json").document["differences"] == []

    actions = [change["action"] for change in run("apply", "-f", str(file), "--dry-run", "--json").document["changes"]]
    assert actions == ["added", "added"]
    assert run("channel", "list", "--json").document["channels"] == []
    assert "2 added" in run("apply", "-f", str(file)).out
    assert "2 unchanged" in run("apply", "-f", str(file)).out
    assert run("workspace", "list", "--json").document["workspaces"][0]["channels"] == 1
    assert run("channel", "list", "--json").document["channels"][0]["id"] == CHANNEL_ID


def test_changes_are_told_field_by_field(ready: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(DECLARED.replace("Sandbox", "Renamed").replace('0001"', '0002"'))
    monkeypatch.setenv("SOME_TOKEN", "another")

    changes = ready("apply", "-f", str(file), "--json").document["changes"]

    assert [(change["action"], change["fields"]) for change in changes] == [
        ("updated", ["name", "token"]),
        ("updated", ["sender"]),
    ]
    ready("apply", "-f", str(file))


def test_new_keys_seal_everything_anew(ready: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, old in (("PROACTIVE_WORKSPACE_KEYS", WORKSPACE_KEY), ("PROACTIVE_CHANNEL_KEYS", CHANNEL_KEY)):
        monkeypatch.setenv(name, f"{Fernet.generate_key().decode()},{old}")

    assert "2 updated" in ready("apply", "-f", str(file)).out
    assert "2 unchanged" in ready("apply", "-f", str(file)).out


def test_file_with_a_taken_id_changes_nothing(ready: Command, file: Path) -> None:
    file.write_text(DECLARED.replace("id: sandbox1", "id: another1").replace("name: Sandbox", "name: New"))

    assert f"channel {CHANNEL_ID} belongs to another workspace" in ready("apply", "-f", str(file), code=1).err
    workspaces = ready("workspace", "list", "--json").document["workspaces"]
    assert "another1" not in [workspace["id"] for workspace in workspaces]


def test_disabled_channel_stays_disabled_when_the_file_is_applied(ready: Command, file: Path) -> None:
    ready("channel", "disable", CHANNEL_ID)
    assert "is disabled" in ready(*SEND, "--channel", "Support line", "--wait", "0", code=1).err

    ready("apply", "-f", str(file))

    assert ready("channel", "list", "--json").document["channels"][0]["enabled"] is False
    ready("channel", "enable", CHANNEL_ID)
    assert ready("channel", "list", "--json").document["channels"][0]["enabled"] is True


def test_workspace_and_channel_by_hand(ready: Command) -> None:
    added = ready("workspace", "add", "byhand1", "--name", "By hand", "--token", "env:SOME_TOKEN", "--json")
    assert added.document["action"] == "added"
    connect_channel = ("channel", "connect", "--workspace", "byhand1", "--name", "Shop", "--channel", "sms")
    options = ("--provider", "twilio", "--sender", "Shop", *TWILIO)

    first = ready(*connect_channel, *options, "--json").document
    again = ready(*connect_channel, *options, "--setting", "base_url=http://x", "--json").document

    assert (first["action"], again["action"], again["fields"]) == ("added", "updated", ["settings"])
    assert first["id"] == again["id"]
    assert len(ready("channel", "list", "--workspace", "byhand1", "--json").document["channels"]) == 1


def test_workspace_keeps_what_is_not_named(ready: Command, file: Path) -> None:
    add = ("workspace", "add", "kept1", "--name", "Kept", "--token", "env:SOME_TOKEN", "--json")
    chosen = {"region": "eu", "time_zone": "Europe/Athens", "default_admin_id": "7"}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    ready(*add, *options, "--open-new-unread", "--open-new-assign")

    assert ready(*add).document["action"] == "unchanged"
    assert ready(*add, "--open-new-read").document["fields"] == ["open_new_read"]
    ready("apply", "-f", str(file))
    file.write_text(DECLARED.partition("  - id")[0] + "  - {id: kept1, name: Kept, token: {env: SOME_TOKEN}}\n")
    assert "1 unchanged" in ready("apply", "-f", str(file)).out

    [kept] = [one for one in ready("workspace", "list", "--json").document["workspaces"] if one["id"] == "kept1"]
    assert kept.items() >= (chosen | {"open_new_read": True, "open_new_assign": True}).items()


def test_workspace_says_for_how_long_it_keeps_what(ready: Command) -> None:
    add = ("workspace", "add", "kept2", "--name", "Kept", "--token", "env:SOME_TOKEN", "--json")
    ready(*add, "--keep-text-days", "7", "--keep-rest-months", "3")
    assert ready(*add).document["action"] == "unchanged"
    refused = ready(*add, "--keep-text-days", "85", code=1)
    assert "keep_text_days is 85, and a text is not kept longer than the rest: with keep_rest_months 3" in refused.err
    [kept] = [one for one in ready("workspace", "list", "--json").document["workspaces"] if one["id"] == "kept2"]
    assert (kept["keep_text_days"], kept["keep_rest_months"]) == (7, 3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--channel", "sms", "--provider", "foo", *TWILIO), "there is no provider 'foo'; there are twilio, meta,"),
        (("--channel", "whatsapp", "--provider", "twilio", *TWILIO), "twilio does not carry whatsapp; it carries sms"),
        (("--channel", "whatsapp", "--provider", "meta", *META), "the setting phone_number_id is missing"),
        (("--channel", "sms", "--provider", "twilio", *TWILIO[:2]), "the credential auth_token is missing"),
    ],
)
def test_channel_that_could_not_send_is_refused(ready: Command, options: tuple[str, ...], told: str) -> None:
    ended = ready("channel", "connect", "--workspace", "sandbox1", "--name", "X", "--sender", "X", *options, code=2)

    assert ended.err.startswith(f"error: {told}")
    assert ended.err.count("\n") == 1
    assert len(ready("channel", "list", "--workspace", "sandbox1", "--json").document["channels"]) == 1


def test_two_channels_that_the_provider_cannot_tell_apart_are_not_enabled_together(ready: Command) -> None:
    meta = ("channel", "connect", "--workspace", "sandbox1", "--channel", "whatsapp", "--provider", "meta", *META)
    same = ("--sender", "+4915700000002", "--setting", "phone_number_id=106540352242922", "--json")
    first = ready(*meta, "--name", "First", *same).document["id"]

    told = ready(*meta, "--name", "Second", *same, code=1).document["error"]["what"]

    assert f"'First' ({first}) of workspace sandbox1" in told
    assert ready(*meta, "--name", "First", *same).document["action"] == "unchanged"
    ready("channel", "disable", first)
    second = ready(*meta, "--name", "Second", *same).document["id"]
    assert "'Second'" in ready("channel", "enable", first, code=1).err
    ready("channel", "disable", second)
    ready("channel", "enable", first)


def test_unknown_ids_are_named(ready: Command) -> None:
    unknown = "0b5ad1a0-0000-4000-8000-00000000dead"
    assert unknown in ready("channel", "disable", unknown, code=1).err
    assert unknown in ready(*SEND, "--channel-id", unknown, "--wait", "0", code=1).err

    nobody = "workspace nobody is not connected"
    assert nobody in ready("channel", "list", "--workspace", "nobody", code=1).err
    assert nobody in ready("listener", "add", "crm", "--workspace", "nobody", code=1).err
    assert nobody in ready(*SEND, "--workspace", "nobody", "--channel", "sms", "--wait", "0", code=1).err


def test_listener_gets_status_events_and_is_not_dropped_with_them(ready: Command, amqp_url: str) -> None:
    assert ready("listener", "add", "crm", "--json").document["queue"] == "listener.crm"
    assert ready("listener", "add", "crm", "--json").document["added"] is False
    ready("listener", "add", "one", "--workspace", "sandbox1")
    assert (
        "gets the status events of all workspaces"
        in ready("listener", "add", "crm", "--workspace", "sandbox1", code=1).err
    )
    assert ready("topology", "diff", "--json").document["differences"] == []

    publish_status(amqp_url)

    waiting = {entry["name"]: entry["waiting"] for entry in ready("listener", "list", "--json").document["listeners"]}
    assert waiting == {"crm": 1, "one": 1}
    assert "holds 1 event" in ready("listener", "remove", "crm", code=1).err
    assert ready("listener", "remove", "crm", "--force", "--json").document["deleted_events"] == 1
    assert "there is no listener crm" in ready("listener", "remove", "crm", code=1).err
    ready("listener", "remove", "one", "--force")


def test_listener_whose_queue_could_not_be_made_gets_it_later(
    ready: Command, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/")
    assert "noted, but has no queue yet" in ready("listener", "add", "late", code=1).err
    monkeypatch.setenv("AMQP_URL", amqp_url)

    assert ready("listener", "list", "--json").document["listeners"][0]["waiting"] is None
    assert ready("topology", "apply", "--json").document["declared"] == ["queue listener.late"]
    ready("listener", "remove", "late")


def test_message_is_published_as_of_a_service(ready: Command, amqp_url: str) -> None:
    document = ready(*SEND, "--channel", "sms", "--wait", "0", "--json").document

    [event] = taken(amqp_url, "dispatcher.sms.bulk")
    assert str(event.id) == document["event_id"] == str(request_id(event.data))
    assert str(event.data.message_id) == document["message_id"]
    assert (event.data.recipient, event.data.channel_id) == ("+4915112345678", UUID(CHANNEL_ID))
    assert event.data.requested_by.model_dump() == {"kind": "service", "name": "proactivectl"}


def test_asking_again_publishes_the_same_event(ready: Command, amqp_url: str) -> None:
    options = (*SEND, "--channel-id", CHANNEL_ID, "--lane", "interactive", "--wait", "0", "--json")
    first = ready(*options).document
    again = ready(*options, "--message-id", first["message_id"]).document

    assert {event.id for event in taken(amqp_url, "dispatcher.sms.interactive")} == {UUID(first["event_id"])}
    assert again == first


@pytest.mark.parametrize(
    ("statuses", "code", "told"),
    [
        (["queued", "sending", "sent", "delivered"], 0, "Delivered. It reached the customer's phone."),
        (["failed"], 1, "Failed. It did not reach the customer, or only in part."),
        (["unknown"], 1, "May have been sent."),
        (["sent"], 0, "Sent. The provider took it."),
        (["queued"], 1, "Queued."),
    ],
)
def test_message_is_followed(
    ready: Command, tracker: type[FakeTracker], statuses: list[str], code: int, told: str
) -> None:
    tracker.statuses = statuses

    assert told in ready(*SEND, "--channel", "sms", "--wait", "2.5", code=code).out


def test_other_version_that_was_delivered_is_not_taken_for_this_one(
    ready: Command, tracker: type[FakeTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "event_id", str(uuid4()))
    tracker.statuses = ["delivered"]

    ended = ready(*SEND, "--channel", "sms", "--wait", "2.5", "--json", code=1)

    assert "this text was not sent: another version" in ended.document["error"]["what"]


def test_tracker_that_is_down_does_not_hide_that_it_was_published(ready: Command) -> None:
    ended = ready(*SEND, "--channel", "sms", "--wait", "0.1", "--json", code=1)

    assert "was published, but the tracker" in ended.document["error"]["what"]


def test_broker_without_queues_says_what_to_run(ready: Command, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drop() -> None:
        connection = await connect(amqp_url, "test")
        await (await connection.channel()).queue_delete("dispatcher.sms.bulk")
        await (await connection.channel()).queue_delete("status_tracker.history")
        await connection.close()

    asyncio.run(drop())

    ended = ready(*SEND, "--channel", "sms", "--wait", "0", code=1)

    assert "no queue dispatcher.sms.bulk" in ended.err
    assert "Run: proactivectl topology apply" in ended.err
    ready("topology", "apply")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: "amqp://guest:hidden@127.0.0.1:1/", "127.0.0.1:1/ does not answer (connection refused)"),
        (lambda url: url.replace("://", "://nobody", 1), "refused the connection"),
        (lambda url: f"{url}-nowhere", "closed the connection"),
    ],
)
def test_broker_that_cannot_be_used_is_told_in_one_line(
    ready: Command, amqp_url: str, monkeypatch: pytest.MonkeyPatch, change: Any, told: str
) -> None:
    monkeypatch.setenv("AMQP_URL", change(amqp_url))

    for arguments in (("topology", "apply"), ("listener", "list"), (*SEND, "--channel", "sms", "--wait", "0")):
        ended = ready(*arguments, code=1)
        assert told in ended.err
        assert ended.err.count("\n") == 1
        assert "hidden" not in ended.err


def test_queue_with_other_properties_is_a_difference(ready: Command, amqp_url: str) -> None:
    async def declare_classic() -> None:
        connection = await connect(amqp_url, "test")
        channel = await connection.channel()
        await channel.queue_delete("dispatcher.viber.bulk")
        await channel.declare_queue("dispatcher.viber.bulk", durable=True)
        await connection.close()

    asyncio.run(declare_classic())

    [difference] = ready("topology", "diff", "--json", code=1).document["differences"]
    assert difference.startswith("different queue dispatcher.viber.bulk")
    assert "delete it on the broker" in ready("topology", "apply", code=1).err
