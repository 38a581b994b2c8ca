"""Notes in the Intercom thread: each at most once, whatever Intercom answers."""

import time

from devstack.demo.checks import eventually
from devstack.demo.scene import FAILED, SENT, WORKER, see
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

LOOKS_AGAIN_SECONDS = 4.0
"""status_tracker looks for a note about 2 s after an answer that leaves it open whether it was written."""

LIMITED_SECONDS = 6
LONGER_THAN_WE_WAIT = 10
"""Seconds; status_tracker gives a call 8."""


def test_note_that_was_written_though_intercom_said_500_is_not_written_again(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    scene.outside.intercom("error_after_doing", only="notes", remaining=1)
    see(panel.press("Send message"), SENT)
    scene.outside.await_note(person.conversation_id, text)
    time.sleep(LOOKS_AGAIN_SECONDS)
    assert len(scene.outside.notes(person.conversation_id)) == 1


def test_note_comes_when_intercom_is_back_and_history_does_not_wait_for_it(
    scene: CheckedScene, tracker: Tracker
) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    scene.outside.intercom("down")
    see(panel.press("Send message"), SENT)
    message_id = tracker.latest_to(str(person.phone))["message_id"]
    tracker.await_status(message_id, "delivered")
    assert scene.outside.notes(person.conversation_id) == []
    scene.outside.behave()
    scene.outside.await_note(person.conversation_id, text)


def test_note_waits_until_intercom_s_limit_is_reset(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    refused = tracker.counted('proactive_tracker_notes_total{outcome="not_done"}')
    begun = time.monotonic()
    scene.outside.intercom("rate_limited", only="notes", delay_seconds=LIMITED_SECONDS)
    see(panel.press("Send message"), SENT)
    tracker.await_status(tracker.latest_to(str(person.phone))["message_id"], "delivered")
    scene.outside.await_note(person.conversation_id, text)
    assert time.monotonic() - begun >= LIMITED_SECONDS
    assert tracker.counted('proactive_tracker_notes_total{outcome="not_done"}') == refused + 1, "it asked in between"


def test_note_that_intercom_wrote_and_answered_too_late_is_not_written_again(
    scene: CheckedScene, tracker: Tracker
) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    found = tracker.counted('proactive_tracker_notes_total{outcome="found"}')
    scene.outside.intercom("slow_after_doing", only="notes", delay_seconds=LONGER_THAN_WE_WAIT, remaining=1)
    see(panel.press("Send message"), SENT)
    tracker.await_status(tracker.latest_to(str(person.phone))["message_id"], "delivered")
    scene.outside.await_note(person.conversation_id, text)
    eventually(
        lambda: tracker.counted('proactive_tracker_notes_total{outcome="found"}'),
        lambda now: now == found + 1,
        "the note found where it is",
        seconds=20,
    )
    assert len(scene.outside.notes(person.conversation_id)) == 1


def test_what_nobody_took_is_noted_and_so_is_what_became_of_it(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(), new_text()
    scene.stack.stop_service(WORKER)
    thread = {"conversation_id": person.conversation_id, "open_new": False}
    event = bus.send_requested(str(person.phone), text, seconds=1.5, thread=thread)
    bus.publish(scene.stack.amqp_url, event)
    note = scene.outside.await_note(person.conversation_id, "SMS message not confirmed")
    assert Status.NOT_CONFIRMED.meaning in note
    assert f"<b>What to do:</b> {Status.NOT_CONFIRMED.advice}" in note
    scene.stack.start_service(WORKER)
    note = scene.outside.await_note(person.conversation_id, "SMS message expired", notes=2)
    assert f"<b>What to do:</b> {Status.EXPIRED.advice}" in note
    assert tracker.await_status(event["data"]["message_id"], "expired")["status"] == "expired"


def test_note_of_a_failure_says_to_whom_by_whom_and_why(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    see(panel.press("Send message"), FAILED)
    note = scene.outside.await_note(person.conversation_id, text)
    assert FailureReason.INVALID_NUMBER.why in note
    assert f"<b>What to do:</b> {FailureReason.INVALID_NUMBER.advice}" in note
    for words in ("SMS", str(person.phone), person.name, panel.teammate.name, "21211"):
        assert words in note, note


def test_text_with_markup_stays_text(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text("<b>5 < 6</b> & [no](https://example.com) **link**")
    panel = scene.compose(person, text)
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(person.phone), [text])
    note = scene.outside.await_note(person.conversation_id, "&lt;b&gt;5 &lt; 6&lt;/b&gt; &amp;")
    assert "<b>5" not in note
