"""`proactivectl status` on a real broker: a source that does not answer costs its columns, and nothing else."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from tests.support import bus
from tests.unit.proactivectl.command import Command, Ended

SERVICES = ("DISPATCHER", "TRACKER_OPERATORS")


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], amqp_url: str, database_url: str
) -> Command:
    """Migrated and declared; the services are nowhere."""
    monkeypatch.setenv("AMQP_URL", amqp_url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name in SERVICES:
        monkeypatch.setenv(f"PROACTIVE_{name}_URL", "http://127.0.0.1:1")
        monkeypatch.setenv(f"PROACTIVE_{name}_TOKEN", "token")
    monkeypatch.delenv("PROACTIVE_MANAGEMENT_URL", raising=False)
    command = Command(monkeypatch, capsys)
    command("migrate")
    command("topology", "apply")
    return command


def lane(ended: Ended, channel: str, name: str | None) -> dict[str, object]:
    (found,) = [row for row in ended.document["lanes"] if (row["channel"], row["lane"]) == (channel, name)]
    return {key: value for key, value in found.items() if key not in ("channel", "lane")}


def test_amqp_alone_tells_depth_and_workers(run: Command, amqp_url: str) -> None:
    bus.publish(amqp_url, bus.send_requested("+4915112345678", "a"), bus.send_requested("+4915112345679", "b"))

    ended = run("status", "--json")

    known = {"queued": 2, "parked": 0, "workers": 0}
    unknown = dict.fromkeys(("with_a_worker", "oldest_seconds", "in_per_second", "out_per_second"))
    assert lane(ended, "sms", "bulk") == {**known, **unknown}
    assert lane(ended, "history", None)["queued"] == 2
    words = run("status").out
    assert "Nobody works on sms bulk." in words
    assert "Not shown: rates, and what is with a worker. For these, set PROACTIVE_MANAGEMENT_URL." in words
    for name in SERVICES:
        assert f"Start it, or correct PROACTIVE_{name}_URL." in words


def test_queues_that_are_not_there_are_unknown(run: Command, amqp_url: str) -> None:
    with bus.channel_to(amqp_url) as channel:
        channel.queue_delete("dispatcher.viber.bulk")
    assert lane(run("status", "--json"), "viber", "bulk")["queued"] is None


def test_plugin_that_does_not_answer_costs_rates_alone(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROACTIVE_MANAGEMENT_URL", "http://user:hidden@127.0.0.1:1")
    ended = run("status", "--json")
    assert lane(ended, "sms", "bulk")["queued"] is not None
    (note,) = [one for one in ended.document["notes"] if "rates" in one]
    assert "the management plugin at 127.0.0.1:1 does not answer (connection refused). Correct" in note
    assert "hidden" not in ended.out


def test_broker_that_does_not_answer_costs_the_queues(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQP_URL", "amqp://user:hidden@127.0.0.1:1/")
    words = run("status", code=1).out
    assert "Not shown: queues, since the broker at 127.0.0.1:1/ does not answer" in words
    assert "hidden" not in words


@pytest.mark.usefixtures("run")
def test_watch_draws_anew_until_it_is_interrupted() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "proactivectl", "status", "--watch", "--every", "0.5"]
    process = subprocess.Popen(command, stdout=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "120"})
    os.close(theirs)
    seen = b""
    while seen.count(b"every 0.5 s, until Ctrl-C") < 3:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while more_from(ours):
        pass
    assert process.wait(10) == 0
    os.close(ours)


def more_from(terminal: int) -> bytes:
    """What else the process writes; nothing once it has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so of a terminal that nobody holds any more
        return b""
