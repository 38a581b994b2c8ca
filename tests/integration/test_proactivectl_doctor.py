"""`proactivectl doctor` on a real broker and database: each planted problem is told, with what to do."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel
from cryptography.fernet import Fernet

from devstack.backends import Broker
from devstack.logins import import_users
from runtime import migrations
from runtime.amqp.connection import connect
from status_tracker.storage import SOURCE
from tests.unit.proactivectl.command import Command

KEY = Fernet.generate_key().decode()
CHANNEL_ID = "0b5ad1a0-0000-4000-8000-000000000001"
CHANNELS = f"""
workspaces:
  - id: w1
    name: Example
    token: {{env: SECRET}}
    channels:
      - name: Support line
        id: {CHANNEL_ID}
        channel: sms
        provider: twilio
        sender: "+4915700000001"
        credentials: {{account_sid: {{env: SECRET}}, auth_token: {{env: SECRET}}}}
"""
ACCOUNTS = """
accounts:
  - {name: d-sms, role: dispatcher, channel: sms, password: {env: SECRET}}
  - {name: d-operator, role: operator, password: {env: SECRET}}
"""
READERS = {"readers": "wrong"}
"""No service runs here."""

*_, BEFORE_IT, NEWEST = (migration.name for migration in migrations.found(SOURCE))


class Doctor:
    """What doctor says."""

    def __init__(self, run: Command) -> None:
        self.run = run

    def not_ok(self, code: int = 1) -> dict[str, str]:
        """The state of each check that is set up and not ok."""
        checks = self._asked(code)["checks"]
        unset = "to have it checked"
        return {one["check"]: one["state"] for one in checks if one["state"] != "ok" and unset not in one["found"]}

    def told(self, check: str) -> tuple[str, str, str]:
        """State, what was found and the advice of one check."""
        (found,) = [one for one in self._asked(1)["checks"] if one["check"] == check]
        return found["state"], found["found"], found["advice"]

    def _asked(self, code: int) -> dict[str, Any]:
        document: dict[str, Any] = self.run("doctor", "--json", code=code).document
        return document


@pytest.fixture
def doctor(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    amqp_url: str,
    database_url: str,
    tmp_path: Path,
) -> Doctor:
    """Everything is there but the services."""
    environment = {"AMQP_URL": amqp_url, "DATABASE_URL": database_url, "SECRET": "s3cret"}
    environment |= {"PROACTIVE_WORKSPACE_KEYS": KEY, "PROACTIVE_CHANNEL_KEYS": KEY}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("MANAGEMENT", "DISPATCHER", "TRACKER", "TRACKER_OPERATORS", "WEBHOOKS"):
        monkeypatch.delenv(f"PROACTIVE_{name}_URL", raising=False)
    run = Command(monkeypatch, capsys)
    run("migrate")
    run("topology", "apply")
    (tmp_path / "channels.yaml").write_text(CHANNELS)
    run("apply", "-f", str(tmp_path / "channels.yaml"))
    return Doctor(run)


def in_database(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


def on_broker(url: str, work: Callable[[AbstractChannel], Awaitable[object]]) -> None:
    async def do() -> None:
        connection = await connect(url, "test")
        try:
            await work(await connection.channel())
        finally:
            await connection.close()

    asyncio.run(do())


def as_user(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:s3cret@{parts.netloc.rpartition('@')[2]}"))


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for one in held:
            one.close()


def test_what_is_as_it_should_be_is_ok_and_who_does_not_read_is_named(doctor: Doctor) -> None:
    assert doctor.not_ok() == READERS
    words = doctor.run("doctor", code=1).out
    assert "nobody reads dispatcher.sms.interactive" in words
    assert "→ Start a worker: dispatcher worker --channel sms" in words
    assert "nobody reads dispatcher.viber" not in words, "no channel of that kind is connected"
    assert "to have it checked, set PROACTIVE_MANAGEMENT_URL" in words
    assert words.rstrip().endswith("3 wrong, 9 not checked.")


@pytest.mark.parametrize(
    ("plant", "mend", "state", "found", "advice"),
    [
        (
            f"UPDATE tracker.migration SET name = '0000_x' WHERE name = '{NEWEST}'",
            f"UPDATE tracker.migration SET name = '{NEWEST}' WHERE name = '0000_x'",
            "wrong",
            f"at {BEFORE_IT}, and this release needs {NEWEST}",
            "proactivectl migrate",
        ),
        (
            "INSERT INTO tracker.migration (name, sha256) VALUES ('9999_next', '')",
            "DELETE FROM tracker.migration WHERE name = '9999_next'",
            "warning",
            f"at 9999_next, which is newer than this release's {NEWEST}",
            "Use the proactivectl of the release that migrated it",
        ),
        (
            f"UPDATE tracker.migration SET sha256 = 'x' || sha256 WHERE name = '{NEWEST}'",
            f"UPDATE tracker.migration SET sha256 = substr(sha256, 2) WHERE name = '{NEWEST}'",
            "wrong",
            f"tracker/{NEWEST}.sql was changed after it was applied",
            "Use the release that applied it",
        ),
    ],
)
def test_schema_of_another_release_is_told(
    doctor: Doctor, database_url: str, plant: str, mend: str, state: str, found: str, advice: str
) -> None:
    in_database(database_url, plant)
    try:
        told = doctor.told("schema tracker")
        assert (told[0], told[1]) == (state, found)
        assert advice in told[2]
        assert doctor.not_ok() == {**READERS, "schema tracker": state}
    finally:
        in_database(database_url, mend)
    assert doctor.not_ok() == READERS


def test_database_without_any_schema_is_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", urlunsplit(urlsplit(database_url)._replace(path="/postgres")))
    assert doctor.told("schema dispatch")[1].startswith("at no migration, and this release needs ")
    assert doctor.told("queues")[0] == "ok", "though listeners are not known"


def test_missing_queue_is_told_and_topology_apply_brings_it(doctor: Doctor, amqp_url: str) -> None:
    on_broker(amqp_url, lambda channel: channel.queue_delete("dispatcher.viber.bulk"))
    assert doctor.told("queues") == (
        "wrong",
        "missing queue dispatcher.viber.bulk",
        "Run: proactivectl topology apply",
    )
    doctor.run("topology", "apply")
    assert doctor.not_ok() == READERS


def test_parked_messages_are_a_warning(doctor: Doctor, amqp_url: str) -> None:
    queue = "dispatcher.sms.bulk.parked"
    on_broker(amqp_url, lambda channel: channel.default_exchange.publish(aio_pika.Message(b"x"), queue))
    try:
        assert doctor.told("parked") == ("warning", f"parked: 1 in {queue}", "See why: proactivectl parked list")
        assert doctor.not_ok() == {**READERS, "parked": "warning"}
    finally:
        doctor.run("parked", "drop", "--all", "--yes")


def test_disabled_channel_is_a_warning(doctor: Doctor) -> None:
    doctor.run("channel", "disable", CHANNEL_ID)
    state, found, advice = doctor.told("channels")
    assert (state, found) == ("warning", "Support line (w1) is disabled")
    assert advice.endswith(f"proactivectl channel enable {CHANNEL_ID}")
    doctor.run("channel", "enable", CHANNEL_ID)
    assert doctor.not_ok() == READERS


def test_keys_that_open_nothing_are_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROACTIVE_CHANNEL_KEYS", Fernet.generate_key().decode())
    state, found, advice = doctor.told("secrets")
    assert (state, found) == ("wrong", "the secret of channel Support line cannot be opened")
    assert "proactivectl keys list" in advice


def test_account_that_may_too_little_is_told_and_the_operators_may_enough(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, broker: Broker, amqp_url: str, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(ACCOUNTS)
    doctor.run("migrate", "--accounts", str(file))
    import_users(broker, doctor.run("topology", "users", "--accounts", str(file)).out)
    monkeypatch.setenv("AMQP_URL", as_user(amqp_url, "d-operator"))
    monkeypatch.setenv("DATABASE_URL", as_user(database_url, "d-operator"))
    assert doctor.not_ok() == READERS
    monkeypatch.setenv("AMQP_URL", as_user(amqp_url, "d-sms"))
    monkeypatch.setenv("DATABASE_URL", as_user(database_url, "d-sms"))
    words = doctor.run("doctor", code=1).out
    assert "this account may not publish to proactive.requests" in words
    assert "this account may not publish to the default exchange" in words
    assert "this account lacks rights on directory.audit, directory.channel" in words
    assert "proactivectl migrate --accounts" in words
    assert "permission denied for schema tracker" in words


def test_broker_that_is_out_of_memory_is_told(doctor: Doctor, broker: Broker) -> None:
    broker.ctl("set_vm_memory_high_watermark", "0.0000001")
    try:
        state, found, advice = doctor.told("broker account")
        assert (state, found) == ("wrong", "the broker takes no messages: it is out of memory or of disk")
        assert "rabbitmq-diagnostics alarms" in advice
        assert doctor.told("queues")[0] == "ok"
    finally:
        broker.ctl("set_vm_memory_high_watermark", "0.6")
    assert doctor.not_ok() == READERS


def test_missing_exchange_is_told_by_one_check(doctor: Doctor, amqp_url: str) -> None:
    on_broker(amqp_url, lambda channel: channel.exchange_delete("proactive.requests"))
    assert doctor.told("queues")[1] == "missing exchange proactive.requests"
    assert doctor.not_ok() == {**READERS, "queues": "wrong"}
    doctor.run("topology", "apply")


def test_server_that_is_away_or_silent_hides_nothing_else(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, amqp_url: str, silent: int
) -> None:
    monkeypatch.setenv("AMQP_URL", amqp_url.replace("://proactive:", "://proactive:wrong"))
    assert "refused the connection" in doctor.told("broker")[1]
    monkeypatch.setenv("AMQP_URL", f"amqp://user:hidden@127.0.0.1:{silent}/")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/proactive")
    ended = doctor.run("doctor", "--json", code=1)
    found = {one["check"]: (one["state"], one["found"]) for one in json.loads(ended.out)["checks"]}
    assert found["broker"] == ("wrong", "no answer within 5 s")
    assert found["database"] == ("wrong", "the database at 127.0.0.1:1/proactive does not answer (connection refused)")
    assert found["queues"] == ("not checked", "broker is wrong, see there")
    assert found["schema tracker"] == ("not checked", "database is wrong, see there")
    assert "hidden" not in ended.out
