"""What the demo does not show of the main job."""

import json
from typing import Any

from devstack.demo.calls import call
from devstack.demo.scene import CHANNEL_NAME, SENDING, SENT, WORKER, not_see, see
from tests.support.panel import CheckedScene, new_text


def test_panel_of_the_sandbox_page_sends_a_message(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    who = {"conversation_id": person.conversation_id, "admin_id": "814860"}
    canvas = through_the_page(scene, "initialize", who)
    clicks: list[tuple[str, dict[str, str]]] = [
        ("home.send", {}),
        ("recipient.this", {}),
        ("channel.pick:0b5ad1a0-0000-4000-8000-000000000001", {}),
        ("compose.send", {"compose.phone": str(person.phone), "compose.text": text}),
    ]
    for component_id, typed in clicks:
        click = {"component_id": component_id, "input_values": typed, "current_canvas": canvas}
        canvas = through_the_page(scene, "submit", who | click)
    assert SENT in json.dumps(canvas)
    scene.outside.await_received(str(person.phone), [text])


def through_the_page(scene: CheckedScene, what: str, request: dict[str, Any]) -> dict[str, Any]:
    url = f"{scene.stack.sandbox_url}/sandbox/panel/{what}"
    answer = call("POST", url, json.dumps(request).encode()).json()
    assert answer["status"] == 200
    assert not answer.get("problems"), answer
    canvas: dict[str, Any] = answer["canvas"]
    return canvas


def test_message_waits_for_a_worker_and_is_sent_once(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    scene.stack.stop_service(WORKER)
    not_see(see(panel.press("Send message"), SENDING), SENT)
    scene.stack.start_service(WORKER)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(str(person.phone), [text])


def test_back_leads_through_every_screen_to_home_and_keeps_what_was_typed(scene: CheckedScene) -> None:
    panel = scene.compose(scene.person(), "Not yet finished")
    see(panel.press("Back"), "Choose channel")
    panel.press(CHANNEL_NAME)
    assert panel.screen.value("Write your message") == "Not yet finished"
    panel.press("Back")
    see(panel.press("Back"), "Send to this user/lead")
    see(panel.press("Back"), "Send a proactive message")


def test_empty_text_is_refused(scene: CheckedScene) -> None:
    person = scene.person()
    panel = scene.compose(person, " \n ")
    see(not_see(panel.press("Send message"), SENT, SENDING), "There is no message yet.")
    assert not scene.outside.submissions(str(person.phone))


def test_typed_number_is_used_instead_of_the_stored_one(scene: CheckedScene) -> None:
    person, other, text = scene.person(), scene.person(), new_text()
    panel = scene.compose(person, text)
    panel.fill("Phone number", f"00{str(other.phone)[1:4]} {str(other.phone)[4:]}")
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(other.phone), [text])
    assert not scene.outside.submissions(str(person.phone))
