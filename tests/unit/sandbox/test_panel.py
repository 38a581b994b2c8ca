"""Calling the panel as Intercom does: the request to the letter, its signature, and what may come back."""

import hashlib
import hmac
import json

import pytest

from sandbox import fixtures
from sandbox.canvas_rules import canvas_problems
from tests.unit.sandbox.harness import CLIENT_SECRET, Json, MakeSandbox, Receiver, Sandbox

OPENING = {"conversation_id": "215470001", "admin_id": "814860"}
CANVAS: Json = {
    "content": {"components": [{"type": "text", "text": "Grüße 👋"}]},
    "stored_data": {"step": "compose"},
}


@pytest.fixture
async def panel(make_sandbox: MakeSandbox, receiver: Receiver) -> Sandbox:
    return await make_sandbox(gateway_url=receiver.url)


async def test_initialize_is_signed_and_complete(panel: Sandbox, receiver: Receiver) -> None:
    receiver.answers = [(200, {"canvas": CANVAS})]
    answer = await panel.client.post("/sandbox/panel/initialize", json=OPENING)
    assert await answer.json() == {"status": 200, "canvas": CANVAS}
    [call] = receiver.received
    assert call.url.endswith("/canvas/initialize")
    expected = hmac.new(CLIENT_SECRET.encode(), call.raw, hashlib.sha256).hexdigest()
    assert call.headers["X-Body-Signature"] == expected
    body = json.loads(call.raw)
    assert set(body) == {"workspace_id", "workspace_region", "admin", "conversation", "contact"}
    assert (body["workspace_id"], body["workspace_region"]) == ("sandbox1", "US")
    assert (body["admin"]["id"], body["admin"]["name"]) == ("814860", "Maria Lopez")
    assert (body["conversation"]["id"], body["contact"]["id"]) == ("215470001", fixtures.ANNA_ID)


async def test_submit_carries_values_and_the_canvas_untouched(panel: Sandbox, receiver: Receiver) -> None:
    receiver.answers = [(200, {"canvas": CANVAS})]
    values = {"compose.text": "Hello — ünï", "history.scope": "mine", "boxes": ["a", "b"]}
    submit = {**OPENING, "component_id": "compose.send", "input_values": values, "current_canvas": CANVAS}
    await panel.client.post("/sandbox/panel/submit", json=submit)
    [call] = receiver.received
    assert call.url.endswith("/canvas/submit")
    body = json.loads(call.raw)
    assert (body["component_id"], body["input_values"], body["current_canvas"]) == (
        "compose.send",
        values,
        CANVAS,
    )


@pytest.mark.parametrize(
    "submit",
    [
        {"component_id": "a", "input_values": {"text": "half \ud83d"}, "current_canvas": CANVAS},
        {"component_id": "a", "input_values": {}, "current_canvas": {"stored_data": {"text": "half \udc4b"}}},
        {"component_id": "\ud83d", "input_values": {}, "current_canvas": CANVAS},
    ],
)
async def test_half_a_character_is_refused_with_words(panel: Sandbox, receiver: Receiver, submit: Json) -> None:
    answer = await panel.client.post("/sandbox/panel/submit", json={**OPENING, **submit})
    assert answer.status == 400
    assert await answer.json() == {"error": "the body holds half a character: a lone surrogate", "field": "body"}
    assert receiver.received == []


async def test_another_participant_can_be_chosen(panel: Sandbox, receiver: Receiver) -> None:
    await panel.client.post("/sandbox/panel/initialize", json={**OPENING, "contact_id": fixtures.EMMA_ID})
    contact = json.loads(receiver.received[0].raw)["contact"]
    assert (contact["id"], contact["phone"]) == (fixtures.EMMA_ID, None)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"title": "no"}, "answered 401"),
        (200, {"oops": 1}, "not with a canvas"),
        (200, {"canvas": {"content": {"components": "x"}}}, "no list of components"),
    ],
)
async def test_answer_without_a_canvas_is_explained(
    panel: Sandbox, receiver: Receiver, status: int, body: Json, words: str
) -> None:
    receiver.answers = [(status, body)]
    answer = await (await panel.client.post("/sandbox/panel/initialize", json=OPENING)).json()
    assert (answer["status"], answer["canvas"]) == (status, None)
    assert words in answer["error"]


async def test_gateway_that_is_not_there_is_a_bad_gateway(sandbox: Sandbox) -> None:
    answer = await sandbox.client.post("/sandbox/panel/initialize", json=OPENING)
    assert answer.status == 502
    assert "could not be reached" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"conversation_id": "1"}, 404, "conversation_id"),
        ({"admin_id": "1"}, 400, "admin_id"),
        ({"contact_id": "1"}, 400, "contact_id"),
        ({"who": "me"}, 400, "who"),
    ],
)
async def test_bad_opening_names_the_field(sandbox: Sandbox, change: Json, status: int, field: str) -> None:
    answer = await sandbox.client.post("/sandbox/panel/initialize", json={**OPENING, **change})
    assert answer.status == status
    assert (await answer.json())["field"] == field


def canvas_of(*components: Json) -> Json:
    return {"content": {"components": list(components)}}


SUBMIT = {"type": "submit"}
OPTIONS = [{"type": "option", "id": one, "text": one} for one in "abc"]


@pytest.mark.parametrize(
    "component",
    [
        {"type": "text", "text": "x", "style": "muted", "bottom_margin": "none"},
        {"type": "data-table", "items": [{"type": "field-value", "field": "a", "value": "b"}]},
        {"type": "image", "url": "https://example.com/x.png", "width": 1, "height": 1},
        {"type": "divider"},
        {"type": "spacer", "size": "xl"},
        {"type": "button", "id": "b", "label": "B", "action": {"type": "url", "url": "https://example.com"}},
        {"type": "input", "id": "i", "save_state": "failed", "action": SUBMIT},
        {"type": "textarea", "id": "t", "error": True},
        {"type": "dropdown", "id": "d", "options": OPTIONS},
        {"type": "single-select", "id": "s", "options": OPTIONS, "action": SUBMIT},
        {"type": "checkbox", "id": "c", "option": OPTIONS[:1], "value": ["a"]},
        {"type": "list", "items": [{"type": "item", "id": "1", "title": "x", "action": SUBMIT}]},
    ],
    ids=lambda component: str(component["type"]),
)
def test_component_of_the_reference_is_no_problem(component: Json) -> None:
    assert list(canvas_problems(canvas_of(component))) == []


@pytest.mark.parametrize(
    ("components", "words"),
    [
        ([{"type": "iframe"}], "no component of the Inbox"),
        ([{"type": "button", "id": "b", "action": SUBMIT}], "has no label"),
        ([{"type": "dropdown", "id": "d", "options": OPTIONS[:1]}], "options is not allowed"),
        ([{"type": "textarea", "id": "t", "save_state": "failed"}], "unknown attribute save_state"),
        ([{"type": "text", "text": "x", "style": "success"}], "style is not allowed"),
        ([{"type": "button", "id": "b", "label": "B", "action": {"type": "sheet"}}], "action is not allowed"),
        ([{"type": "input", "id": "i"}, {"type": "input", "id": "i"}], "there twice"),
        ([{"type": "text", "text": "x" * 70_000}], "over 64 KB"),
    ],
)
def test_component_beside_the_reference_is_a_problem(components: list[Json], words: str) -> None:
    assert any(words in problem for problem in canvas_problems(canvas_of(*components)))
