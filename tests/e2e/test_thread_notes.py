"""Notes in the Intercom thread: each at most once, whatever Intercom answers."""

import time

from devstack.demo.scene import FAILED, SENT, see
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

LOOKS_AGAIN_SECONDS = 4.0
"""status_tracker looks for a note about 2 s after an answer that leaves it open whether it was written."""


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


def test_note_of_a_failure_says_to_whom_by_whom_and_why(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    see(panel.press("Send message"), FAILED)
    note = scene.outside.await_note(person.conversation_id, text)
    for words in ("SMS", str(person.phone), person.name, panel.teammate.name, "21211"):
        assert words in note, note


def test_text_with_markup_stays_text(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text("<b>5 < 6</b> & [no](https://example.com) **link**")
    panel = scene.compose(person, text)
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(person.phone), [text])
    note = scene.outside.await_note(person.conversation_id, "&lt;b&gt;5 &lt; 6&lt;/b&gt; &amp;")
    assert "<b>5" not in note
