"""Other services on the bus: with `pika` and docs/events.md alone, and operators with proactivectl."""

import json
import subprocess
import sys
from uuid import uuid4

import pika.exceptions
import pytest

from devstack.demo.scene import WORKER, new_number
from devstack.errors import ProcessFailed
from devstack.state import root_of_checkout
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

EVENTS_PAGE = root_of_checkout() / "docs" / "events.md"


def test_program_of_the_page_on_events_works_as_it_is_printed(scene: CheckedScene) -> None:
    number = new_number()
    scene.stack.proactivectl("listener", "add", "cards")
    environment = {
        "AMQP_URL": scene.stack.amqp_url,
        "WORKSPACE_ID": bus.WORKSPACE,
        "CHANNEL_ID": bus.CHANNEL_ID,
        "RECIPIENT": number,
    }
    command = [sys.executable, "-I", "-c", first_program(EVENTS_PAGE.read_text())]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    finally:
        scene.stack.proactivectl("listener", "remove", "cards", "--force")
    assert done.returncode == 0, done.stderr
    published, *statuses = done.stdout.split("\n")
    assert published.startswith("published ")
    assert [status.strip() for status in statuses if status][-2:] == ["sent", "delivered"]
    assert len(scene.outside.received(number)) == 1


def first_program(page: str) -> str:
    """The first block of Python on a page."""
    return page.split("```python\n")[1].split("```")[0]


def test_plain_json_is_sent_and_its_statuses_are_followed(scene: CheckedScene, listener: str) -> None:
    number, text = new_number(), new_text()
    event = bus.send_requested(number, text)
    bus.publish(scene.stack.amqp_url, event)
    told = bus.statuses(scene.stack.amqp_url, listener, event["data"]["message_id"], until="delivered")
    assert [one["data"]["status"] for one in told][-2:] == ["sent", "delivered"]
    assert {one["type"] for one in told} == {"proactive.message_status_changed.v1"}
    assert len({one["id"] for one in told}) == len(told)
    assert text not in json.dumps(told)
    assert number[1:] not in json.dumps(told)
    scene.outside.await_received(number, [text])


def test_event_published_twice_is_one_message(scene: CheckedScene, tracker: Tracker) -> None:
    number, text = new_number(), new_text()
    event = bus.send_requested(number, text)
    bus.publish(scene.stack.amqp_url, event, event, {**event, "id": str(uuid4())})
    tracker.await_status(event["data"]["message_id"], "delivered")
    assert len(scene.outside.submissions(number)) == 1


def test_other_text_under_a_used_id_is_never_sent(scene: CheckedScene, tracker: Tracker) -> None:
    number, text, message_id = new_number(), new_text("First"), uuid4()
    bus.publish(scene.stack.amqp_url, bus.send_requested(number, text, message_id=message_id))
    tracker.await_status(message_id, "sent", "delivered")
    bus.publish(scene.stack.amqp_url, bus.send_requested(number, new_text("Second"), message_id=message_id))
    message = tracker.await_status(message_id, "delivered")
    assert message["text"] == text
    assert scene.outside.received(number) == [text]


def test_channel_that_is_not_connected_fails_with_its_reason(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    event = bus.send_requested(number, new_text(), channel_id=str(uuid4()))
    bus.publish(scene.stack.amqp_url, event)
    message = tracker.await_status(event["data"]["message_id"], "failed")
    assert message["reason"] == "channel_unknown"
    assert not scene.outside.submissions(number)


def test_key_that_leads_nowhere_comes_back(scene: CheckedScene) -> None:
    event = bus.send_requested(new_number(), new_text())
    with pytest.raises(pika.exceptions.UnroutableError):
        bus.publish(scene.stack.amqp_url, event, key="send.fax.bulk")


def test_unreadable_event_is_parked_and_the_next_one_is_sent(scene: CheckedScene, tracker: Tracker) -> None:
    event = bus.send_requested(new_number(), new_text())
    broken = {**event, "type": "proactive.send_requested.v99"}
    bus.publish(scene.stack.amqp_url, broken, event)
    tracker.await_status(event["data"]["message_id"], "delivered")
    with bus.channel_to(scene.stack.amqp_url) as channel:
        frame, properties, body = channel.basic_get("dispatcher.sms.bulk.parked")
        assert frame is not None
        channel.basic_ack(frame.delivery_tag)
    assert json.loads(body)["type"] == "proactive.send_requested.v99"
    assert properties.headers


def test_what_no_dispatcher_took_is_shown_and_never_sent_later(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    scene.stack.stop_service(WORKER)
    event = bus.send_requested(number, new_text(), seconds=1.5)
    bus.publish(scene.stack.amqp_url, event)
    message_id = event["data"]["message_id"]
    tracker.await_status(message_id, "not_confirmed")
    scene.stack.start_service(WORKER)
    tracker.await_status(message_id, "expired")
    assert not scene.outside.submissions(number)


def test_proactivectl_sends_and_follows(scene: CheckedScene) -> None:
    number, text = new_number(), new_text()
    said = json.loads(
        scene.stack.proactivectl(
            "send", "--workspace", bus.WORKSPACE, "--to", number, "--channel", "Support line", "--text", text, "--json"
        )
    )
    assert said["status"] in {"sent", "delivered"}
    scene.outside.await_received(number, [text])


def test_proactivectl_says_why_a_message_failed(scene: CheckedScene) -> None:
    scene.outside.provider("invalid_number", remaining=1)
    sending = ("send", "--workspace", bus.WORKSPACE, "--to", new_number(), "--channel", "sms", "--text", new_text())
    with pytest.raises(ProcessFailed) as failed:
        scene.stack.proactivectl(*sending)
    assert "exit code 1" in str(failed.value)
    assert "invalid_number" in str(failed.value)


def test_topology_of_a_running_stack_is_what_the_contract_says(scene: CheckedScene) -> None:
    scene.stack.proactivectl("topology", "diff")
