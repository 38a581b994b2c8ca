"""`proactivectl message …` on the running stack: an operator sees, stops and resolves what others sent."""

import json
from typing import Any

import pytest

from devstack.channels import WHATSAPP, WORKSPACE
from devstack.demo.scene import FAILED, SENT, alone, new_number, not_see, see
from devstack.demo.steps.deciding import MARKED_NOT_SENT, MARKED_SENT, left_open
from devstack.demo.steps.refusing import RESEND
from devstack.demo.steps.waiting import NOT_YET, STOP, STOPPED, put_off
from devstack.errors import ProcessFailed
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

LONG_SECONDS = 60
"""A Retry-After that outlasts some calls of proactivectl."""


def asked(scene: CheckedScene, what: str, message_id: object, *options: str) -> dict[str, Any]:
    """What `proactivectl message <what>` says, where it did what was asked."""
    command = ("message", what, str(message_id), "--workspace", WORKSPACE, "--json", *options)
    said: dict[str, Any] = json.loads(scene.stack.proactivectl(*command))
    return said


def refused(scene: CheckedScene, what: str, message_id: object, *options: str) -> str:
    """What it says where it could not do that."""
    with pytest.raises(ProcessFailed) as failed:
        scene.stack.proactivectl("message", what, str(message_id), "--workspace", WORKSPACE, *options)
    assert "ended with exit code 1" in str(failed.value)
    return str(failed.value)


def acts_on(scene: CheckedScene, message_id: object) -> list[tuple[str, str]]:
    """What operators did to it, newest first: the action and its outcome."""
    listed = json.loads(scene.stack.proactivectl("audit", "list", "--subject", str(message_id), "--json"))["acts"]
    return [(act["action"], act["outcome"]) for act in listed]


def delivered(scene: CheckedScene, tracker: Tracker) -> dict[str, Any]:
    """A service's message that reached its customer."""
    event = bus.send_requested(new_number(), new_text())
    bus.publish(scene.stack.amqp_url, event)
    tracker.await_status(event["data"]["message_id"], "delivered")
    return event


def test_message_is_shown_without_its_text_and_number(scene: CheckedScene, tracker: Tracker) -> None:
    data = delivered(scene, tracker)["data"]
    document = asked(scene, "show", data["message_id"])
    assert document["message"]["status"] == "delivered"
    assert (document["job"]["state"], document["job"]["attempt"]) == ("accepted", 1)
    words = scene.stack.proactivectl("message", "show", data["message_id"], "--workspace", WORKSPACE)
    assert words.startswith("Delivered. It reached the customer's phone.")
    for said in (words, json.dumps(document)):
        assert data["recipient"][1:] not in said
        assert data["content"]["text"] not in said
        assert f"***{data['recipient'][-4:]}" in said


def test_message_that_nobody_knows_is_said_to_be_none(scene: CheckedScene) -> None:
    missing = "01a207ae-a738-7d2e-9a41-000000000000"
    for command in (("show",), ("cancel",), ("resolve", "--sent")):
        assert "has no message" in refused(scene, command[0], missing, *command[1:])
    assert acts_on(scene, missing) == []


def test_operator_stops_what_waits_and_its_writer_reads_so(scene: CheckedScene, tracker: Tracker) -> None:
    panel = put_off(scene, new_text(), LONG_SECONDS)
    message_id = tracker.latest_to(str(panel.person.phone))["message_id"]
    said = asked(scene, "cancel", message_id)
    assert said == {"published": True, "status": "cancelled", "reached": True, "words": STOPPED}
    not_see(alone(panel.press("Refresh status"), STOPPED), NOT_YET, STOP, SENT)
    again = asked(scene, "cancel", message_id)
    assert again == {"published": False, "status": "cancelled", "reached": True, "words": STOPPED}
    assert acts_on(scene, message_id) == [("message.cancel", "Cancelled")]
    assert asked(scene, "show", message_id)["job"]["state"] == "cancelled"
    assert len(scene.outside.submissions(str(panel.person.phone))) == 1


def test_what_has_left_is_neither_stopped_nor_called_not_sent(scene: CheckedScene, tracker: Tracker) -> None:
    data = delivered(scene, tracker)["data"]
    message_id = data["message_id"]
    assert "It had left already and cannot be stopped: Delivered." in refused(scene, "cancel", message_id)
    assert "a verdict changes nothing: Delivered." in refused(scene, "resolve", message_id, "--not-sent")
    said = asked(scene, "resolve", message_id, "--sent")
    assert said == {"published": False, "status": "delivered", "reached": True, "words": "It counts as: Delivered."}
    assert acts_on(scene, message_id) == []
    assert asked(scene, "show", message_id)["job"]["state"] == "accepted"


def test_operator_resolves_what_is_unknown_and_its_writer_reads_so(scene: CheckedScene, tracker: Tracker) -> None:
    scene.outside.of(WHATSAPP).provider("error_after_accepting", remaining=1, receipts="none")
    panel = left_open(scene, text := new_text())
    message_id = tracker.latest_to(str(panel.person.phone))["message_id"]
    assert "It may have been sent, so there is nothing to stop." in refused(scene, "cancel", message_id)
    said = asked(scene, "resolve", message_id, "--not-sent")
    assert said == {"published": True, "status": "not_sent", "reached": True, "words": "It counts as: Not sent."}
    stale = panel.beside()
    not_see(alone(see(stale.press("Refresh status"), FAILED, RESEND), MARKED_NOT_SENT), SENT)
    said = asked(scene, "resolve", message_id, "--sent")
    assert said == {"published": True, "status": "sent", "reached": True, "words": "It counts as: Sent."}
    not_see(alone(see(panel.press("Refresh status"), SENT), MARKED_SENT), FAILED, RESEND)
    assert acts_on(scene, message_id) == [("message.resolve", "Sent"), ("message.resolve", "Not sent")]
    assert scene.outside.of(WHATSAPP).received(str(panel.person.phone)) == [text]
