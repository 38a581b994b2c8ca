"""One fault being played: its messages, the verbs to send them and to wait, and what it expects at the end."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pika.exceptions

from devstack.channels import CHANNELS, SMS, Connected
from devstack.demo.checks import Unexpected, eventually, expect
from devstack.demo.panel import Panel
from runtime import postgres
from tests.chaos import observed
from tests.chaos.matrix import Fault
from tests.chaos.observed import Row
from tests.chaos.traffic import Load, Message, new_number, put_on
from tests.chaos.world import World
from tests.support import bus
from tests.support.panel import new_text

PUBLISH_SECONDS = 20

TROUBLE = (*postgres.TROUBLE, Unexpected, pika.exceptions.AMQPError)
"""A server that is away while one looks."""


@dataclass
class Run:
    """A fault's hands and its expectations."""

    world: World
    fault: Fault
    messages: list[Message] = field(default_factory=list)
    unknowns: tuple[int, int] = (0, 0)
    """The least and the most messages that may have been of unknown outcome at any time."""
    parked: Counter[str] = field(default_factory=Counter)
    """How many deliveries must be parked, by the queue that they came from."""
    ends: frozenset[str] = frozenset({"delivered"})
    """Where the messages made from now on may end."""
    receipts_may_be_lost: bool = False
    """Our webhooks are away for longer than the sandbox tries: it reports again at the end, as providers do."""
    heard_everything: bool = True
    """The listener's queue was there all the time."""
    _may_lack_receipts: bool = False
    unsettled: str = ""
    """What was not over when the time to settle was."""

    # What is wanted

    def may_end(self, *statuses: str) -> None:
        """Messages made from now on may end in one of these."""
        self.ends = frozenset(statuses)

    def expect_unknowns(self, least: int, most: int | None = None) -> None:
        """So many messages are of unknown outcome at some time."""
        self.unknowns = (least, least if most is None else most)

    def expect_parked(self, queue: str, count: int = 1) -> None:
        """So many deliveries of this queue are parked."""
        self.parked[queue] += count

    def receipts(self, mode: str, channel: Connected = SMS) -> None:
        """What the provider reports from now on: automatic, none, failed, duplicate or late."""
        self.provider("normal", channel, receipts=mode)

    def provider(self, mode: str, channel: Connected = SMS, **details: object) -> None:
        """How the provider treats submissions from now on."""
        self.world.scene.outside.of(channel).provider(mode, **details)

    # Messages

    def message(
        self, *, channel: Connected = SMS, lane: str = "bulk", text: str | None = None, **more: object
    ) -> Message:
        """A message of ours, not published yet; `more` goes into its request."""
        number, text = new_number(), text or new_text()
        workspace_id = self.world.lines.workspace_of(channel)
        address = {"workspace_id": workspace_id, "channel": channel.kind, "channel_id": channel.id}
        wanted = {**address, "message_id": uuid4(), **more}
        event = bus.send_requested(number, text, **wanted)  # type: ignore[arg-type]
        message = Message(number, text, self.ends, UUID(event["data"]["message_id"]), event, channel, lane)
        self.messages.append(message)
        return message

    def publish(self, count: int = 1, **more: Any) -> list[Message]:
        """Have another service ask for so many messages, each confirmed by the broker."""
        messages = [self.message(**more) for _ in range(count)]
        self.put(*messages)
        return messages

    def put(self, *messages: Message, key: str | None = None) -> None:
        """Publish messages' requests (again) and wait for the broker's confirms."""
        with bus.channel_to(f"{self.world.broker.amqp_url}?blocked_connection_timeout={PUBLISH_SECONDS}") as channel:
            for message in messages:
                put_on(channel, message, key)

    def panel(self, channel: Connected = SMS, *, confirmed: bool = True) -> tuple[Panel, Message]:
        """
        A panel on Compose with a text typed, and the message that comes of "Send message".

        Not `confirmed`: it may come to nothing, as long as nobody is told that it was sent.
        """
        number = new_number()
        message = Message(number, new_text(), self.ends, channel=channel, lane="interactive", confirmed=confirmed)
        self.messages.append(message)
        person = self.world.scene.person(message.number)
        return self.world.scene.compose(person, message.text, through=channel), message

    @contextmanager
    def load(self, per_second: float, *, most: int = 400, **more: Any) -> Iterator["Load"]:
        """Another service that asks for messages all the time, each until the broker confirmed it."""
        load = Load(self.world.broker.amqp_url, per_second, most, lambda: self.message(**more))
        load.start()
        try:
            yield load
        finally:
            load.stop()

    # What is seen

    def submissions(self, message: Message) -> list[Row]:
        """What came to the provider for this message's customer."""
        return observed.ledger(self.world, message.number)

    def await_submission(self, message: Message, count: int = 1, seconds: float = 15) -> None:
        """The provider has it, whatever it answers."""
        eventually(
            lambda: len(self.submissions(message)), lambda seen: seen >= count, f"{count} submission(s)", seconds
        )

    def job(self, message: Message) -> Row | None:
        """The dispatcher's row."""
        [rows] = observed.query(self.world, ("SELECT * FROM dispatch.job WHERE message_id = $1", message.id))
        return rows[0] if rows else None

    def await_job(self, message: Message, *states: str, seconds: float = 15) -> None:
        """The dispatcher's row is in one of these states."""
        eventually(
            lambda: (self.job(message) or {}).get("state"),
            lambda state: state in states,
            f"the job {' or '.join(states)}",
            seconds,
        )

    def status(self, message: Message) -> str | None:
        """What the history says."""
        rows = self.rows([message])
        return rows[0]["status"] if rows else None

    def await_status(self, message: Message, *statuses: str, seconds: float = 20) -> None:
        """The history says one of these."""
        eventually(
            lambda: self.status(message), lambda seen: seen in statuses, f"status {' or '.join(statuses)}", seconds
        )

    def rows(self, messages: Sequence[Message] | None = None) -> list[Row]:
        """The history's rows of these messages, or of all."""
        numbers = [message.number for message in (self.messages if messages is None else messages)]
        [rows] = observed.query(self.world, ("SELECT * FROM tracker.message WHERE recipient = ANY($1)", numbers))
        return rows

    def report(self, submission: Row, status: str, error_code: int | None = None) -> None:
        """The provider sends one receipt now, and we take it."""
        path = f"/sandbox/{submission['provider']}/messages/{submission['provider_message_id']}/receipt"
        answer = observed.control(self.world, "POST", path, {"status": status, "error_code": error_code})
        expect(bool(answer["taken"]), f"the receipt {status} taken", answer)

    def report_again(self) -> None:
        """What the provider could not report while we were away, it reports now."""
        known = {row["recipient"]: row["status"] for row in self.rows()}
        for row in observed.ledger(self.world):
            if row["status"] == "delivered" and known.get(row["to"]) not in {"delivered", "read", None}:
                self.report(row, "delivered")

    # Waiting

    def settle(self, seconds: float | None = None) -> None:
        """Wait until every message has ended and nothing is on its way; what never does, the judge tells."""
        deadline = time.monotonic() + (seconds or self.fault.seconds)
        self._may_lack_receipts = self.receipts_may_be_lost
        while time.monotonic() < deadline:
            self.unsettled = self._unfinished()
            if not self.unsettled and not self._may_lack_receipts:
                return
            if not self.unsettled:
                self.report_again()
                self._may_lack_receipts = False
            time.sleep(0.2)

    def _unfinished(self) -> str:
        """Why it is not over yet; empty when it is."""
        try:
            return self._under_way()
        except TROUBLE as error:
            return str(error)

    def _under_way(self) -> str:
        statuses: dict[str, list[str]] = {}
        for row in self.rows():
            statuses.setdefault(row["recipient"], []).append(row["status"])
        for message in self.messages:
            seen = statuses.get(message.number, [])
            if message.confirmed and not seen and message.rows:
                return f"{message.id} is not in the history"
            if not set(seen) <= message.ends and not self._lost_receipt(seen):
                return f"{message.id} is {seen}"
        numbers = [message.number for message in self.messages]
        outgoing, jobs = observed.query(self.world, (_OUTGOING,), (_JOBS, numbers))
        if outgoing[0]["count"] or jobs[0]["count"]:
            return f"{outgoing[0]['count']} status events are untold, {jobs[0]['count']} jobs are not done"
        waiting = {name: count for name, count in observed.ready(self.world, *work_queues()).items() if count}
        return f"queues {waiting}" if waiting else ""

    def _lost_receipt(self, seen: Sequence[str]) -> bool:
        return self._may_lack_receipts and set(seen) <= {"sent", "unknown"}

    # Failing

    @staticmethod
    def see(holds: bool, expected: str, seen: object) -> None:
        """Something has to be so in between."""
        expect(holds, expected, seen)

    def wait(self, look: Callable[[], bool], expected: str, seconds: float = 15) -> None:
        """Wait until it is so."""
        eventually(look, bool, expected, seconds)


_OUTGOING = "SELECT count(*) FROM tracker.outgoing"
_JOBS = (
    "SELECT count(*) FROM dispatch.job j JOIN tracker.message m USING (workspace_id, message_id) "
    "WHERE j.due_at IS NOT NULL AND j.state <> 'waiting' AND m.recipient = ANY($1)"
)


def work_queues() -> list[str]:
    """Every queue that somebody works through."""
    lanes = ("interactive", "bulk")
    return [*(f"dispatcher.{channel.kind}.{lane}" for channel in CHANNELS for lane in lanes), "status_tracker.history"]
