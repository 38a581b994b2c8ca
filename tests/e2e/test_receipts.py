"""Receipts that come twice, late, out of order, or with bad news."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from devstack.channels import WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.scene import SENT, new_number, see
from proactive_contracts.reasons import FailureReason
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker


def sent(scene: CheckedScene, tracker: Tracker, receipts: str) -> tuple[str, str, str]:
    """Send one message; its id, the customer's number, and the conversation."""
    person = scene.person()
    scene.outside.provider("normal", receipts=receipts)
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    number = str(person.phone)
    return tracker.latest_to(number)["message_id"], number, person.conversation_id


def test_duplicate_receipts_are_told_once(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, _, conversation_id = sent(scene, tracker, "duplicate")
    tracker.await_status(message_id, "delivered")
    scene.outside.await_note(conversation_id, "message sent")
    message = tracker.message(message_id)
    assert message is not None
    receipts = [entry["status"] for entry in message["timeline"] if entry["source"] == "receipt"]
    assert sorted(receipts) == ["delivered", "sent"]


def test_late_receipt_does_not_take_back_a_better_one(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, number, _ = sent(scene, tracker, "none")
    submission = scene.outside.submissions(number)[0]
    scene.outside.report(submission, "delivered")
    tracker.await_status(message_id, "delivered")
    scene.outside.report(submission, "sent")
    panel = scene.panel(scene.person())
    panel.press(scene.history(panel, number).row(number))
    scene.refresh_until(panel, "Sent (the provider)")
    see(panel.screen, "Status: Delivered")


def test_message_that_never_arrived_is_failed_with_a_second_note(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, _, conversation_id = sent(scene, tracker, "failed")
    message = tracker.await_status(message_id, "failed")
    assert message["provider_code"] == "30003"
    note = scene.outside.await_note(conversation_id, "message failed", notes=2)
    assert "30003" in note
    assert f"<b>What to do:</b> {FailureReason.UNREACHABLE.advice}" in note


def test_receipt_that_comes_before_its_request_counts_once_that_is_there(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    scene.outside.provider("normal", receipts="none")
    event = bus.send_requested(number, new_text())
    bus.publish(scene.stack.amqp_url, receipt_of(event, "delivered"), key="receipt.sms", exchange="proactive.events")
    assert tracker.message(event["data"]["message_id"]) is None
    bus.publish(scene.stack.amqp_url, event)
    message = tracker.await_status(event["data"]["message_id"], "delivered")
    eventually(lambda: len(scene.outside.received(number)), lambda count: count == 1, "one message")
    assert [line["detail"] for line in message["timeline"] if line["source"] == "receipt"] == [
        "In the provider's words"
    ]


def test_receipt_through_another_channel_is_ignored_and_counted(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, _, _ = sent(scene, tracker, "none")
    message = tracker.await_status(message_id, "sent")
    before = tracker.counted("proactive_tracker_misdirected_total")
    asked = {"data": {**message, "channel_id": WHATSAPP.id, "channel": "whatsapp"}}
    astray = receipt_of(asked, "read")
    bus.publish(scene.stack.amqp_url, astray, astray, key="receipt.whatsapp", exchange="proactive.events")
    eventually(
        lambda: tracker.counted("proactive_tracker_misdirected_total"),
        lambda now: now == before + 1,
        "the receipt counted as misdirected, once",
    )
    now = tracker.message(message_id)
    assert now is not None
    assert (now["status"], now["timeline"]) == ("sent", message["timeline"])


def test_text_of_which_a_part_failed_has_failed_though_it_was_delivered(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, number, conversation_id = sent(scene, tracker, "none")
    submission = scene.outside.submissions(number)[0]
    scene.outside.report(submission, "delivered")
    tracker.await_status(message_id, "delivered")
    scene.outside.await_note(conversation_id, "message sent")
    scene.outside.report(submission, "partially_delivered")
    message = tracker.await_status(message_id, "failed")
    assert (message["reason"], message["detail"]) == ("partial", "Twilio reports partially_delivered.")
    note = scene.outside.await_note(conversation_id, FailureReason.PARTIAL.why, notes=2)
    assert FailureReason.PARTIAL.advice in note
    scene.outside.report(submission, "read")
    panel = scene.panel(scene.person())
    panel.press(scene.history(panel, number).row(number))
    scene.refresh_until(panel, "Read (the provider)")
    see(panel.screen, "Status: Failed", FailureReason.PARTIAL.why, FailureReason.PARTIAL.advice)


def receipt_of(request: Mapping[str, Any], status: str) -> Mapping[str, Any]:
    """A receipt that echoes the message's id, as the dispatcher's webhooks publish it."""
    about = request["data"]
    told = {name: about[name] for name in ("message_id", "workspace_id", "channel", "channel_id")}
    told |= {"provider": "twilio", "provider_message_id": f"SM{uuid4().hex}", "status": status}
    told |= {"detail": "In the provider's words", "reported_at": datetime.now(UTC).isoformat()}
    return bus.envelope("proactive.delivery_reported.v1", uuid4(), told)
