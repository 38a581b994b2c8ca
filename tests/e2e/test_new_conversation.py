"""Send & open Intercom conversation: the message first, then the conversation, and the truth on every screen."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from typing import Any

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


def test_workspace_is_connected_anew_in_the_browser(stack: Stack) -> None:
    jar = urllib.request.HTTPCookieProcessor(CookieJar())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
    with browser.open(stack.surroundings.url("canvas_gateway", "/intercom/install"), timeout=20) as consent:
        assert "/intercom/oauth?" in consent.url
        address = consent.url
    decision = urllib.parse.urlencode({"decision": "allow"}).encode()
    with browser.open(address, decision, timeout=20) as page:
        assert page.status == 200
        assert "was connected already" in page.read().decode()
