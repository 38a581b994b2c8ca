"""`proactivectl erase` on the running stack, while messages are sent: nothing is left, and nobody else loses."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.channels import WORKSPACE
from devstack.demo.checks import eventually
from devstack.demo.scene import SENT, new_number, not_see, see
from devstack.errors import ProcessFailed
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.remains import parked_with, rows_with
from tests.support.tracker import Tracker

SECONDS = 90


def erase(scene: CheckedScene, number: str, *options: str) -> dict[str, Any]:
    """What the command says."""
    command = ("erase", "--phone", number, "--workspace", WORKSPACE, "--json", *options)
    said: dict[str, Any] = json.loads(scene.stack.proactivectl(*command, seconds=SECONDS))
    return said


def ask(scene: CheckedScene, number: str, **more: Any) -> dict[str, Any]:
    """A service's message."""
    event = bus.send_requested(number, new_text(), **more)
    bus.publish(scene.stack.amqp_url, event)
    return event


def later() -> str:
    return (datetime.now(UTC) + timedelta(seconds=500)).isoformat()


@contextmanager
def load(scene: CheckedScene, number: str) -> Iterator[list[dict[str, Any]]]:
    """Messages to everybody, of which every fifth goes to `number`, until the block is left."""
    asked: list[dict[str, Any]] = []
    over = threading.Event()

    def publish() -> None:
        while not over.wait(0.1):
            asked.append(ask(scene, number if len(asked) % 5 == 4 else new_number()))

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join(10)


def test_person_is_erased_everywhere_while_messages_are_sent(
    scene: CheckedScene, tracker: Tracker, listener: str
) -> None:
    person = scene.person()
    number = str(person.phone)
    digits = number.removeprefix("+")
    words = [text := new_text("Of whom nothing is left.")]
    not_see(scene.compose(person, text).press("Send message"), "Failed")
    tracker.await_status(tracker.latest_to(number)["message_id"], "delivered")
    waiting = ask(scene, number, not_before=later())
    tracker.await_status(waiting["data"]["message_id"], "queued", "waiting")
    eventually(lambda: scene.operators.job(waiting["data"]["message_id"]), bool, "the job that waits")
    scene.outside.reply(number, reply := new_text("I wrote back."))
    eventually(lambda: rows_with(scene.stack.database_url, reply), bool, "the reply in the database")
    broken = json.dumps({**bus.send_requested(number, new_text()), "type": "proactive.send_requested.v9"})
    with bus.channel_to(scene.stack.amqp_url) as channel:
        channel.basic_publish("proactive.requests", "send.sms.bulk", broken.encode(), mandatory=True)
    eventually(lambda: parked_with(scene.stack.amqp_url, digits), lambda found: found == 2, "both copies parked")

    plan = erase(scene, number)
    assert plan["dry_run"] is True
    assert (plan["dispatcher"]["waiting"], plan["dispatcher"]["ended"], plan["parked"]) == (1, 1, 2)
    assert plan["tracker"]["replies"] == 1
    assert digits not in json.dumps(plan)
    assert rows_with(scene.stack.database_url, digits)

    with load(scene, number) as asked:
        eventually(lambda: len(asked), lambda count: count > 20, "a load")
        done = erase(scene, number, "--yes")
    assert done["left"] == 0
    assert done["removed"]["parked"] == 2
    assert done["removed"]["replies"] == 1
    told = bus.statuses(scene.stack.amqp_url, listener, waiting["data"]["message_id"], until="cancelled")
    assert told[-1]["data"]["status"] == "cancelled"
    theirs = [one for one in asked if one["data"]["recipient"] == number]
    for event in asked:
        ends = ("delivered", "cancelled") if event in theirs else ("delivered",)
        tracker.await_status(event["data"]["message_id"], *ends, seconds=30)
    copies = [row["text"] for row in scene.outside.submissions(number) if row["accepted"]]
    assert len(copies) == len(set(copies))
    assert waiting["data"]["content"]["text"] not in copies
    erase(scene, number, "--yes")  # those that the load asked for meanwhile
    words += [one["data"]["content"]["text"] for one in (*theirs, waiting)]
    assert rows_with(scene.stack.database_url, digits, reply, *words) == []
    assert parked_with(scene.stack.amqp_url, digits) == 0
    erased = tracker.message(waiting["data"]["message_id"])
    assert erased is not None
    assert (erased["status"], erased["recipient"], erased["text"], erased["contact"]) == ("cancelled", "", None, None)


def test_what_lies_parked_ends_as_stopped(scene: CheckedScene, tracker: Tracker) -> None:
    event = bus.send_requested(number := new_number(), text := new_text())
    message_id, body = event["data"]["message_id"], json.dumps(event).encode()
    with bus.channel_to(scene.stack.amqp_url) as channel:
        for queue in ("status_tracker.history", "dispatcher.sms.bulk.parked"):
            channel.basic_publish("", queue, body, mandatory=True)
    tracker.await_status(message_id, "queued")
    done = erase(scene, number, "--yes")
    assert (done["left"], done["removed"]["parked"]) == (0, 1)
    tracker.await_status(message_id, "cancelled")
    assert rows_with(scene.stack.database_url, number.removeprefix("+"), text) == []
    assert scene.outside.submissions(number) == []


def test_late_receipt_tells_of_the_message_and_brings_nobody_back(scene: CheckedScene, tracker: Tracker) -> None:
    person = scene.person()
    number = str(person.phone)
    see(scene.compose(person, text := new_text()).press("Send message"), SENT)
    message_id = tracker.latest_to(number)["message_id"]
    tracker.await_status(message_id, "delivered")
    scene.outside.await_note(person.conversation_id, "message sent")
    erase(scene, number, "--yes")
    scene.outside.report(scene.outside.submissions(number)[0], "read")
    tracker.await_status(message_id, "read")
    assert rows_with(scene.stack.database_url, number.removeprefix("+"), text) == []
    assert len(scene.outside.notes(person.conversation_id)) == 1

    panel = scene.panel(person)
    see(scene.history(panel, scope="conversation"), "Erased person")
    see(panel.press(panel.screen.row("Erased person")), "The customer's text, number and name were erased on")

    again = ask(scene, number)
    tracker.await_status(again["data"]["message_id"], "delivered")
    found = tracker.message(again["data"]["message_id"])
    assert found is not None
    assert found["recipient"] == number


def test_erasure_is_on_record_without_the_number(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    event = ask(scene, number)
    tracker.await_status(event["data"]["message_id"], "delivered")
    erase(scene, number, "--yes")
    listed = json.loads(scene.stack.proactivectl("audit", "list", "--action", "person.erase", "--json"))["acts"]
    assert listed[0]["subject"] == WORKSPACE
    assert listed[0]["detail"]["number"] == f"***{number[-4:]}"
    assert len(listed[0]["detail"]["person"]) == 64
    assert listed[0]["outcome"] == "1 jobs, 0 recipients, 1 messages, 0 replies, 0 parked removed, 0 left"
    assert number.removeprefix("+") not in json.dumps(listed)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--phone", "0151", "--workspace", WORKSPACE), "no phone number in international format"),
        (("--phone", "+4915112345678", "--workspace", "elsewhere"), "workspace elsewhere is not connected"),
    ],
)
def test_erasure_of_nobody_is_refused(scene: CheckedScene, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(ProcessFailed) as failed:
        scene.stack.proactivectl("erase", *options)
    assert words in str(failed.value)
