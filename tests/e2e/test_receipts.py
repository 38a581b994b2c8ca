"""Receipts that come twice, late, out of order, or with bad news."""

from devstack.demo.scene import SENT, see
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
    note = scene.outside.await_note(conversation_id, "not delivered", notes=2)
    assert "30003" in note
