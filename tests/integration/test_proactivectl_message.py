"""`proactivectl message`: what is asked for is published, and what becomes of it is told truly."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest

from proactive_contracts.codec import decode
from proactive_contracts.envelope import Event
from proactive_contracts.requests import CancelRequested, ResolveRequested
from proactive_contracts.topology import send_queue
from proactive_contracts.values import Channel, Lane
from runtime.amqp.connection import connect
from tests.unit.proactivectl.command import Command

CONTROL = send_queue(Channel.SMS, Lane.INTERACTIVE)
CHANNEL_ID, EVENT_ID = "0b5ad1a0-0000-4000-8000-000000000001", "bdc151fd-7df0-5ce1-9f4b-7e8e1242ba44"
PHONE, TEXT = "+4915112345678", "Your parcel is here."


class Services(BaseHTTPRequestHandler):
    """The tracker, whose message goes through `statuses`, and the dispatcher with its `job`; None: knows nothing."""

    statuses: ClassVar[list[str]] = []
    job: ClassVar[dict[str, Any] | None] = None
    marked: ClassVar[bool] = False

    def do_GET(self) -> None:
        if "/jobs/" in self.path:
            return self._answer(self.job)
        if not self.statuses:
            return self._answer(None)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        entry = {"at": "2026-11-22T12:00:00Z", "event": "x", "status": status, "source": "dispatcher", "attempt": 1}
        if self.marked:
            entry |= {"source": "person", "detail": "root marked it as sent."}
        reply = {"at": "2026-11-22T12:00:01Z", "event": "reply", "status": None, "detail": TEXT, "source": "customer"}
        message = {
            "status": status,
            "channel": "sms",
            "channel_id": CHANNEL_ID,
            "event_id": EVENT_ID,
            "recipient": PHONE,
            "text": TEXT,
            "contact": {"id": "1", "name": "Anna Schmidt"},
            "detail": f"to {PHONE}",
            "not_after": "2026-11-22T12:15:00Z",
            "requested_at": "2026-11-22T12:00:00Z",
            "timeline": [entry, reply],
        }
        return self._answer(message)

    def _answer(self, document: dict[str, Any] | None) -> None:
        self.send_response(404 if document is None else 200)
        kind = "application/problem+json" if document is None else "application/json"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(json.dumps(document or {"title": "Unknown message", "detail": "", "status": 404}).encode())

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Services]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    for name in ("TRACKER", "DISPATCHER"):
        monkeypatch.setenv(f"PROACTIVE_{name}_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv(f"PROACTIVE_{name}_TOKEN", "token")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Services.statuses, Services.job, Services.marked = ["unknown"], None, False
    yield Services
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    amqp_url: str,
    database_url: str,
    services: type[Services],
) -> Command:
    """Migrated and declared, with both services."""
    monkeypatch.setenv("AMQP_URL", amqp_url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROACTIVE_OPERATOR", "maria")
    command = Command(monkeypatch, capsys)
    command("migrate")
    command("topology", "apply")
    published(amqp_url)
    assert services
    return command


def published(url: str) -> list[Event[Any]]:
    """What the dispatcher was asked for; taken out of its queue."""

    async def take() -> list[Event[Any]]:
        connection = await connect(url, "test")
        try:
            queue = await (await connection.channel()).get_queue(CONTROL)
            found = []
            while message := await queue.get(fail=False, no_ack=True):
                found.append(decode(message.body))
            return found
        finally:
            await connection.close()

    return asyncio.run(take())


MESSAGE_ID = str(uuid4())
CANCEL = ("message", "cancel", MESSAGE_ID, "--workspace", "w1", "--json")
RESOLVE = ("message", "resolve", MESSAGE_ID, "--workspace", "w1", "--json")


def test_verdict_is_published_awaited_and_noted(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = ["unknown", "unknown", "not_sent"]
    done = run(*RESOLVE, "--not-sent").document
    assert (done["published"], done["status"], done["reached"]) == (True, "not_sent", True)
    (event,) = published(amqp_url)
    asked = event.data
    assert isinstance(asked, ResolveRequested)
    assert (asked.verdict, asked.requested_by.name) == ("not_sent", "maria (proactivectl)")
    assert (str(asked.message_id), asked.workspace_id, str(asked.channel_id)) == (MESSAGE_ID, "w1", CHANNEL_ID)
    act = run("audit", "list", "--json").document["acts"][0]
    assert (act["action"], act["subject"], act["outcome"]) == ("message.resolve", MESSAGE_ID, "Not sent")
    assert act["detail"] == {"workspace": "w1", "verdict": "not_sent"}


def test_verdict_that_changes_nothing_says_so(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = ["sending"]
    done = run(*RESOLVE, "--sent", "--wait", "0.6", code=1).document
    assert (done["published"], done["status"], done["reached"]) == (True, "sending", False)
    assert "not changed so far: Sending" in done["words"]
    assert len(published(amqp_url)) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        ((*RESOLVE, "--not-sent"), "delivered", 1),
        ((*RESOLVE, "--sent"), "delivered", 0),
        ((*RESOLVE, "--not-sent"), "not_sent", 0),
        (CANCEL, "sent", 1),
        (CANCEL, "unknown", 1),
        (CANCEL, "expired", 1),
        (CANCEL, "cancelled", 0),
    ],
)
def test_what_is_decided_is_told_without_asking(
    run: Command, services: type[Services], amqp_url: str, arguments: tuple[str, ...], status: str, code: int
) -> None:
    services.statuses = [status]
    done = run(*arguments, code=code).document
    assert (done["published"], done["status"], done["reached"]) == (False, status, code == 0)
    assert published(amqp_url) == []


def test_cancel_names_the_request_that_it_stops(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = ["waiting", "waiting", "cancelled"]
    assert run(*CANCEL).document["words"] == "Stopped. Nothing was sent."
    (event,) = published(amqp_url)
    assert isinstance(event.data, CancelRequested)
    assert event.data.answers == UUID(EVENT_ID)


def test_cancel_that_comes_too_late_says_what_it_is_now(run: Command, services: type[Services]) -> None:
    services.statuses = ["queued", "sending", "sent"]
    done = run(*CANCEL, code=1).document
    assert (done["status"], done["published"]) == ("sent", True)
    assert "had left already" in done["words"]


def test_without_waiting_it_is_only_asked_for(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = ["waiting"]
    done = run(*CANCEL, "--wait", "0").document
    assert (done["published"], done["status"]) == (True, None)
    assert len(published(amqp_url)) == 1


def test_message_that_only_the_dispatcher_knows_is_found_there(
    run: Command, services: type[Services], amqp_url: str
) -> None:
    services.statuses = []
    services.job = {"state": "waiting", "event_id": EVENT_ID, "channel": "sms", "channel_id": CHANNEL_ID}
    done = run(*CANCEL, "--wait", "0.1", code=1).document
    assert "not stopped so far: Will be tried again" in done["words"]
    assert len(published(amqp_url)) == 1
    services.job = services.job | {"state": "cancelled"}
    assert run(*CANCEL).document["words"] == "Stopped. Nothing was sent."


def test_stop_is_seen_at_the_dispatcher_while_the_tracker_is_behind(run: Command, services: type[Services]) -> None:
    services.statuses = ["waiting"]
    services.job = {"state": "cancelled", "event_id": EVENT_ID, "channel": "sms", "channel_id": CHANNEL_ID}
    assert run(*CANCEL).document["status"] == "cancelled"


def test_persons_mark_is_not_told_as_the_providers_word(run: Command, services: type[Services]) -> None:
    services.statuses, services.marked = ["sent"], True
    loser = run(*RESOLVE, "--not-sent", code=1).document["words"]
    shown = run("message", "show", MESSAGE_ID, "--workspace", "w1").out
    for words in (loser, shown):
        assert "Sent. root marked it as sent." in words
        assert "The provider took it" not in words


def test_mark_that_only_the_dispatcher_knows_is_a_persons_too(run: Command, services: type[Services]) -> None:
    services.statuses = []
    services.job = {"state": "accepted", "marked_by": "root", "channel": "sms", "channel_id": CHANNEL_ID}
    words = run(*RESOLVE, "--not-sent", code=1).document["words"]
    assert words.endswith("Sent. root marked it as sent.")


def test_verdict_on_what_nobody_took_is_refused_at_once(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = ["not_confirmed"]
    done = run(*RESOLVE, "--not-sent", code=1).document
    assert (done["published"], "message cancel" in done["words"]) == (False, True)
    assert published(amqp_url) == []


def test_message_that_nobody_knows_is_a_failure(run: Command, services: type[Services], amqp_url: str) -> None:
    services.statuses = []
    for arguments in (CANCEL, (*RESOLVE, "--sent"), ("message", "show", MESSAGE_ID, "--workspace", "w1", "--json")):
        assert "has no message" in run(*arguments, code=1).document["error"]["what"]
    assert published(amqp_url) == []


def test_show_tells_both_sides_without_text_and_number(run: Command, services: type[Services]) -> None:
    services.job = {
        "state": "unknown",
        "since": "2026-11-22T12:00:00+00:00",
        "attempt": 2,
        "doubts": 1,
        "reason": "provider_busy",
        "due_at": None,
        "channel": "sms",
        "channel_id": CHANNEL_ID,
        "lane": "interactive",
        "provider": "twilio",
        "provider_message_id": None,
    }
    arguments = ("message", "show", MESSAGE_ID, "--workspace", "w1")
    ended, words = run(*arguments, "--json"), run(*arguments).out
    assert (ended.document["message"]["status"], ended.document["job"]["state"]) == ("unknown", "unknown")
    assert "May have been sent." in words
    assert "dispatcher: unknown since" in words
    assert "2 tries so far; 1 of them may have sent it" in words
    assert "provider: twilio, its id: not known" in words
    assert "The provider had too much to do" in words
    for shown in (ended.out, words):
        assert PHONE not in shown
        assert TEXT not in shown
        assert "Anna" not in shown


def test_show_without_the_dispatcher_says_that_it_was_not_asked(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROACTIVE_DISPATCHER_URL")
    assert "not asked" in run("message", "show", MESSAGE_ID, "--workspace", "w1", "--json").document["job"]
    monkeypatch.setenv("PROACTIVE_DISPATCHER_URL", "http://127.0.0.1:1")
    assert "not known" in run("message", "show", MESSAGE_ID, "--workspace", "w1", "--json").document["job"]


def test_tracker_that_is_away_is_told(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROACTIVE_TRACKER_URL", "http://127.0.0.1:1")
    assert "does not answer" in run(*CANCEL, code=1).document["error"]["what"]


def test_stop_without_the_tracker_needs_only_the_dispatcher(
    run: Command, services: type[Services], amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROACTIVE_TRACKER_URL", "http://127.0.0.1:1")
    services.job = {"state": "waiting", "event_id": EVENT_ID, "channel": "sms", "channel_id": CHANNEL_ID}
    shown = run("message", "show", MESSAGE_ID, "--workspace", "w1").out
    assert "does not answer" in shown
    assert "dispatcher: waiting" in shown
    assert run(*CANCEL, "--wait", "0.1", code=1).document["status"] == "waiting"
    (event,) = published(amqp_url)
    assert event.data.answers == UUID(EVENT_ID)


def test_exactly_one_verdict_is_needed(run: Command) -> None:
    assert "one of --sent and --not-sent" in run(*RESOLVE, code=2).document["error"]["what"]
    assert "only one of" in run(*RESOLVE, "--sent", "--not-sent", code=2).document["error"]["what"]
