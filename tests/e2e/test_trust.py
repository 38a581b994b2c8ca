"""Who may ask for what: signatures, states that were changed on their way, tokens."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from devstack.channels import SMS
from devstack.demo.calls import call
from devstack.demo.panel import TOM, App, Panel, encode
from devstack.demo.scene import SENDING, SENT, not_see, see
from devstack.demo.screen import Screen
from tests.support.panel import CheckedApp, CheckedScene, new_text
from tests.support.tracker import Tracker

REFUSED = "This click did nothing. Start again."


def test_changed_state_is_refused_and_nothing_is_sent(scene: CheckedScene) -> None:
    person, victim = scene.person(), scene.person()
    panel = scene.compose(person, new_text())
    stored: dict[str, Any] = json.loads(json.dumps(panel.screen.canvas["stored_data"]))
    forged = {**stored, "state": stored["state"].replace(str(person.phone), str(victim.phone))}
    assert forged != stored
    tampered = panel.beside(screen=Screen({**panel.screen.canvas, "stored_data": forged}))
    see(not_see(tampered.press("Send message"), SENT, SENDING), REFUSED)
    assert not scene.outside.submissions(str(person.phone))
    assert not scene.outside.submissions(str(victim.phone))
    see(tampered.press("Start again"), "Send a proactive message")


@pytest.mark.parametrize("whose", ["conversation", "teammate"])
def test_state_of_another_place_is_refused(scene: CheckedScene, whose: str) -> None:
    person, other = scene.person(), scene.person()
    panel = scene.compose(person, new_text())
    elsewhere = replace(person, conversation_id=other.conversation_id)
    stranger = panel.beside(person=elsewhere) if whose == "conversation" else panel.beside(teammate=TOM)
    see(not_see(stranger.press("Send message"), SENT, SENDING), REFUSED)
    assert not scene.outside.submissions(str(person.phone))


def test_signed_request_of_an_unknown_workspace_says_who_can_help(scene: CheckedScene) -> None:
    app = CheckedApp(scene.app.gateway_url, scene.app.client_secret, workspace_id="nobody1")
    panel = Panel(app, scene.person())
    see(panel.open(), "This workspace is not connected to Proactive.", "Ask your administrator to connect it.")


@pytest.mark.parametrize("what", ["initialize", "submit"])
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"workspace_id": "sandbox1"}', 400), (b"x" * 3_000_000, 413)],
)
def test_broken_or_oversized_body_is_refused(scene: CheckedScene, what: str, body: bytes, status: int) -> None:
    plain = App(scene.app.gateway_url, scene.app.client_secret)
    assert plain.post(what, body).status == status


def test_signature_is_checked_before_the_body_is_read(scene: CheckedScene) -> None:
    assert scene.app.post("initialize", b"{", "0" * 64).status == 401
    body = encode(scene.panel(scene.person()).common())
    pretty = json.dumps(json.loads(body), indent=1).encode()
    assert scene.app.post("initialize", pretty, scene.app.headers(body)["X-Body-Signature"]).status == 401


def test_receipt_without_the_provider_s_signature_changes_nothing(scene: CheckedScene, tracker: Tracker) -> None:
    person = scene.person()
    scene.outside.provider("normal", receipts="none")
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    submission = scene.outside.submissions(str(person.phone))[0]
    form = f"MessageSid={submission['provider_message_id']}&MessageStatus=delivered".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = base64.b64encode(hmac.new(b"guess", form, hashlib.sha1).digest()).decode()
    for signature in ({}, {"X-Twilio-Signature": wrong}):
        answer = call("POST", str(submission["status_callback"]), form, headers | signature)
        assert answer.status in {401, 403}, answer
    message_id = tracker.latest_to(str(person.phone))["message_id"]
    assert tracker.await_status(message_id, "sent")["status"] == "sent"


def test_unknown_channel_of_a_webhook_is_not_found(scene: CheckedScene) -> None:
    url = f"{scene.stack.webhooks_url}/webhooks/twilio/{SMS.id[:-1]}9"
    assert call("POST", url, b"", {"Content-Type": "application/x-www-form-urlencoded"}).status in {401, 404}


def test_history_needs_a_token_and_its_description_does_not(tracker: Tracker) -> None:
    path = "/v1/workspaces/sandbox1/messages"
    assert tracker.get(path, token="guess").status == 401
    assert call("GET", tracker.url + path).status == 401
    description = call("GET", f"{tracker.url}/openapi.json")
    assert description.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("service", ["canvas_gateway", "status_tracker"])
def test_service_that_somebody_took_over_can_pause_nobody(scene: CheckedScene, service: str) -> None:
    taken = scene.stack.env_of(service)
    token = {"Authorization": f"Bearer {taken['PROACTIVE_DISPATCHER_TOKEN']}", "Content-Type": "application/json"}
    channels = f"{taken['PROACTIVE_DISPATCHER_URL']}/v1/channels"
    assert call("GET", channels, headers=token).status == 200
    pause = json.dumps({"paused": True, "by": "Jane"}).encode()
    assert call("PUT", f"{channels}/{SMS.id}/pause", pause, token).status == 401
