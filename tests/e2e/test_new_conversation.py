"""Send & open Intercom conversation: the message first, then the conversation, and the truth on every screen."""

from collections.abc import Mapping
from typing import Any

import pytest

from devstack.channels import WORKSPACE
from devstack.demo.calls import call
from devstack.demo.checks import eventually
from devstack.demo.scene import SENT, see
from devstack.stack import Stack
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

SEND_AND_OPEN = "Send message & open Intercom conversation"
OPENED = "Opened a new conversation:"
NOT_YET = "The message is sent. The conversation is not open yet."


def conversation(stack: Stack, conversation_id: str) -> Mapping[str, Any]:
    """A conversation as Intercom has it."""
    url = f"{stack.surroundings.url('sandbox')}/intercom/conversations/{conversation_id}"
    headers = {"Authorization": f"Bearer {stack.surroundings.secrets.intercom_token}"}
    found: Mapping[str, Any] = call("GET", url, headers=headers).json()
    return found


def test_conversation_is_opened_linked_and_told(scene: CheckedScene, tracker: Tracker, stack: Stack) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    see(panel.press(SEND_AND_OPEN), SENT)
    if panel.screen.says(NOT_YET):
        eventually(lambda: panel.press("Refresh status"), lambda screen: screen.says(OPENED), "the conversation")
    assert panel.screen.says(OPENED)
    message = tracker.latest_to(str(person.phone))
    (opened,) = message["opened_conversation_ids"]
    made = conversation(stack, opened)
    assert text in made["source"]["body"]
    assert (made["source"]["author"]["id"], made["read"]) == (panel.teammate.id, True)
    assert made["contacts"]["contacts"][0]["id"] == person.id
    note = scene.outside.await_note(person.conversation_id, text)
    assert f"/a/inbox/{WORKSPACE}/inbox/conversation/{opened}" in note
    scene.outside.await_received(str(person.phone), [text])


def test_conversation_comes_when_intercom_is_back(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    scene.outside.intercom("down")
    see(panel.press(SEND_AND_OPEN), SENT)
    assert panel.screen.says(NOT_YET)
    message = tracker.latest_to(str(person.phone))
    tracker.await_status(message["message_id"], "delivered")
    assert (message["open_new"], message["opened_conversation_ids"], message["open_failure"]) == (True, [], None)
    see(panel.press("Refresh status"), SENT)
    assert panel.screen.says(NOT_YET)
    scene.outside.behave()
    eventually(
        lambda: panel.press("Refresh status") if panel.screen.says(NOT_YET) else panel.screen,
        lambda screen: screen.says(OPENED),
        "the conversation",
        30,
    )
    scene.outside.await_received(str(person.phone), [text])


@pytest.mark.parametrize("mode", ["error_after_doing", "error"])
def test_unclear_opening_is_looked_for_and_linked(scene: CheckedScene, tracker: Tracker, mode: str) -> None:
    """Whether or not Intercom did it before it answered with 500, there is one conversation in the end."""
    person, text = scene.person(), new_text()
    earlier = scene.outside.add_conversation(person, "Is anybody there?")
    panel = scene.compose(person, text)
    scene.outside.intercom(mode, only="messages", remaining=1)
    see(panel.press(SEND_AND_OPEN), SENT)
    scene.refresh_until(panel, OPENED)
    message = tracker.latest_to(str(person.phone))
    (opened,) = message["opened_conversation_ids"]
    assert set(scene.outside.opened(person)) == {earlier, opened}
    assert message["open_failure"] is None
    notes = eventually(
        lambda: [note for note in scene.outside.notes(person.conversation_id) if f"/conversation/{opened}" in note],
        bool,
        "a note that leads to the conversation",
    )
    assert len(notes) == 1
    scene.outside.await_received(str(person.phone), [text])
