"""What a person says of a message that may have been sent, and what the provider says later."""

from typing import Any, Literal

import pytest

from devstack.channels import WHATSAPP
from devstack.demo.outside import Outside
from devstack.demo.panel import TOM, Panel
from devstack.demo.scene import FAILED, SENT, UNKNOWN, alone, new_number, not_see, see
from devstack.demo.steps.deciding import MARK_NOT_SENT, MARK_SENT, MARKED_NOT_SENT, MARKED_SENT, left_open
from devstack.demo.steps.refusing import RESEND
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

Verdict = Literal["sent", "not_sent"]


@pytest.fixture(autouse=True)
def whatsapp(scene: CheckedScene, tracker: Tracker) -> Outside:
    """
    Its provider has no list to look at: what it leaves open stays open.

    It takes one message first, so that what several tests leave open is no row of failures, which opens the breaker.
    """
    event = bus.send_requested(new_number(), new_text(), channel="whatsapp", channel_id=WHATSAPP.id)
    bus.publish(scene.stack.amqp_url, event, key="send.whatsapp.bulk")
    tracker.await_status(event["data"]["message_id"], "sent", "delivered", "read")
    return scene.outside.of(WHATSAPP)


def open_message_of_a_service(scene: CheckedScene, tracker: Tracker, mode: str) -> dict[str, Any]:
    """A service's WhatsApp message whose provider gave no answer."""
    scene.outside.of(WHATSAPP).provider(mode, remaining=1, receipts="none")
    event = bus.send_requested(new_number(), new_text(), channel="whatsapp", channel_id=WHATSAPP.id)
    bus.publish(scene.stack.amqp_url, event, key="send.whatsapp.bulk")
    tracker.await_status(event["data"]["message_id"], "unknown")
    return event


def say(scene: CheckedScene, event: dict[str, Any], verdict: Verdict) -> None:
    bus.publish(scene.stack.amqp_url, bus.resolve_requested(event, verdict), key=bus.control_key(event))


def statuses_of(tracker: Tracker, event: dict[str, Any]) -> list[str]:
    message = tracker.message(event["data"]["message_id"])
    assert message is not None
    return [entry["status"] for entry in message["timeline"] if entry["status"]]


@pytest.mark.parametrize("verdict", ["sent", "not_sent"])
def test_service_gives_the_verdict_and_reads_it(
    scene: CheckedScene, tracker: Tracker, listener: str, verdict: Verdict
) -> None:
    event = open_message_of_a_service(scene, tracker, "close_before_accepting")
    say(scene, event, verdict)
    message_id = event["data"]["message_id"]
    told = bus.statuses(scene.stack.amqp_url, listener, message_id, until=verdict)
    assert [one["data"]["status"] for one in told][-2:] == ["unknown", verdict]
    message = tracker.await_status(message_id, verdict)
    assert [entry["source"] for entry in message["timeline"] if entry["status"] == verdict] == ["person"]
    assert len(scene.outside.of(WHATSAPP).submissions(event["data"]["recipient"])) == 1


def test_not_sent_becomes_sent_by_a_newer_verdict_and_not_the_other_way(scene: CheckedScene, tracker: Tracker) -> None:
    event = open_message_of_a_service(scene, tracker, "close_before_accepting")
    message_id = event["data"]["message_id"]
    say(scene, event, "not_sent")
    tracker.await_status(message_id, "not_sent")
    say(scene, event, "sent")
    tracker.await_status(message_id, "sent")
    say(scene, event, "not_sent")
    another = open_message_of_a_service(scene, tracker, "close_before_accepting")
    say(scene, another, "sent")
    tracker.await_status(another["data"]["message_id"], "sent")  # by now the verdict before it was judged
    job = scene.operators.job(message_id)
    assert job is not None
    assert job["state"] == "accepted"
    assert statuses_of(tracker, event)[-1] == "sent"


def test_receipt_is_believed_more_than_whoever_said_not_sent(
    scene: CheckedScene, tracker: Tracker, whatsapp: Outside
) -> None:
    whatsapp.provider("error_after_accepting", remaining=1, receipts="none")
    panel = left_open(scene, text := new_text())
    person = panel.person
    scene.outside.await_note(person.conversation_id, "may have been sent")
    alone(see(panel.press(MARK_NOT_SENT), FAILED), MARKED_NOT_SENT)
    scene.outside.await_note(person.conversation_id, f"{panel.teammate.name} marked it as not sent.", notes=2)
    (submission,) = whatsapp.submissions(str(person.phone))
    whatsapp.report(submission, "delivered")
    tracker.await_status(tracker.latest_to(str(person.phone))["message_id"], "delivered")
    scene.outside.await_note(person.conversation_id, "message delivered", notes=3)
    not_see(see(panel.press(RESEND), "It was not sent again.", "was delivered"), SENT)
    assert whatsapp.received(str(person.phone)) == [text]


def test_verdict_on_what_was_sent_changes_nothing(scene: CheckedScene, tracker: Tracker) -> None:
    number, text = new_number(), new_text()
    event = bus.send_requested(number, text)
    bus.publish(scene.stack.amqp_url, event)
    message_id = event["data"]["message_id"]
    tracker.await_status(message_id, "delivered")
    say(scene, event, "not_sent")
    later = bus.send_requested(new_number(), new_text())
    bus.publish(scene.stack.amqp_url, later, key="send.sms.interactive")  # in the same queue, behind the verdict
    tracker.await_status(later["data"]["message_id"], "delivered")
    job = scene.operators.job(message_id)
    assert job is not None
    assert job["state"] == "accepted"
    assert "not_sent" not in statuses_of(tracker, event)
    assert scene.outside.received(number) == [text]


def test_teammates_who_disagree_end_with_one_truth(scene: CheckedScene, tracker: Tracker, whatsapp: Outside) -> None:
    whatsapp.provider("error_after_accepting", remaining=1, receipts="none")
    hers = left_open(scene, text := new_text())
    his = details_of(scene, hers)
    stale = hers.beside()
    alone(see(hers.press(MARK_NOT_SENT), FAILED), MARKED_NOT_SENT)
    see(his.press(MARK_SENT), "Status: Sent", MARKED_SENT)
    not_see(alone(see(stale.press(MARK_NOT_SENT), SENT), MARKED_SENT), FAILED, UNKNOWN)
    message = tracker.await_status(tracker.latest_to(str(hers.person.phone))["message_id"], "sent")
    by = [entry["detail"] for entry in message["timeline"] if entry["source"] == "person"]
    assert by == [f"{hers.teammate.name} marked it as not sent.", f"{TOM.name} marked it as sent."]
    assert whatsapp.received(str(hers.person.phone)) == [text]


def details_of(scene: CheckedScene, panel: Panel) -> Panel:
    """The same message on another teammate's panel."""
    other = scene.panel(panel.person, TOM)
    scene.history(other, "May have been sent", scope="conversation")
    see(other.press(other.screen.row("May have been sent")), "Status: May have been sent", MARK_SENT, MARK_NOT_SENT)
    return other
