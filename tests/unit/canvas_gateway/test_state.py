"""What travels through Intercom between two clicks."""

import json
from datetime import timedelta

import pytest

from canvas_gateway.domain.compose import asked_by
from canvas_gateway.domain.deciding import decide
from canvas_gateway.domain.outcome import Outcome
from canvas_gateway.domain.state import (
    LIFETIME,
    Binding,
    Draft,
    Interrupted,
    Search,
    State,
    StateRefused,
    seal,
    unseal,
)
from canvas_gateway.domain.values import Person, Screen, Wish
from tests.unit.canvas_gateway.builders import (
    CONVERSATION,
    MARIA,
    MESSAGE_ID,
    NOW,
    WORKSPACE,
    make_request,
    make_state,
    make_told,
)

HERE = Binding(WORKSPACE, CONVERSATION, MARIA.id)
KEYS = ["new key", "old key"]


def full_state() -> State:
    decision = decide(Wish.STOP, make_request(), MESSAGE_ID, asked_by(MARIA), NOW)
    told = Outcome(screen=Screen.DECIDING, at=NOW, too_late_to=Wish.STOP)
    return make_told(told, search=Search(phone="+30 694"), cursors=("a", "b"), decision=decision)


@pytest.mark.parametrize("state", [make_state(), make_state(Screen.COMPOSE), full_state()])
def test_state_comes_back_as_it_was(state: State) -> None:
    assert unseal(seal(state, HERE, KEYS, NOW), HERE, KEYS, NOW) == state


def test_state_signed_by_an_old_key_is_read_while_the_key_is_known() -> None:
    stored = seal(make_state(), HERE, ["old key"], NOW)
    assert unseal(stored, HERE, KEYS, NOW) == make_state()
    with pytest.raises(StateRefused, match="not_ours"):
        unseal(stored, HERE, ["new key"], NOW)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Binding("other", CONVERSATION, MARIA.id),
        Binding(WORKSPACE, "215470002", MARIA.id),
        Binding(WORKSPACE, CONVERSATION, "814861"),
        Binding(WORKSPACE, CONVERSATION + MARIA.id, ""),
    ],
)
def test_state_of_another_place_is_refused(elsewhere: Binding) -> None:
    with pytest.raises(StateRefused, match="not_ours"):
        unseal(seal(make_state(), HERE, KEYS, NOW), elsewhere, KEYS, NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": '{"v":1,"at":1,"state":{"contact":{"id":"1"}}}'}, "not_ours"),
        ({"mac": "0" * 64}, "not_ours"),
        ({"mac": "ü\udcff"}, "not_ours"),
        ({"mac": ""}, "not_ours"),
        ({"mac": None}, "missing"),
        ({"state": {"contact": "x"}}, "missing"),
        ({"state": None}, "missing"),
    ],
)
def test_changed_state_is_refused(change: dict[str, object], reason: str) -> None:
    stored = {**seal(make_state(), HERE, KEYS, NOW), **change}
    with pytest.raises(StateRefused, match=reason):
        unseal(stored, HERE, KEYS, NOW)


def test_every_changed_character_is_noticed() -> None:
    stored = seal(make_state(), HERE, KEYS, NOW)
    text = stored["state"]
    for place in range(0, len(text), 7):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        with pytest.raises(StateRefused):
            unseal({**stored, "state": changed}, HERE, KEYS, NOW)


def test_panel_left_open_too_long_is_refused() -> None:
    stored = seal(make_state(), HERE, KEYS, NOW)
    assert unseal(stored, HERE, KEYS, NOW + LIFETIME) == make_state()
    with pytest.raises(StateRefused, match="too_old"):
        unseal(stored, HERE, KEYS, NOW + LIFETIME + timedelta(seconds=1))


def test_largest_state_is_far_below_the_limit() -> None:
    person = Person.model_validate(dict.fromkeys(("id", "external_id", "role", "name", "email", "phone"), "😀" * 200))
    draft = Draft(message_id=MESSAGE_ID, recipient_id="😀" * 200, phone="😀" * 200, text="😀" * 3000)
    interrupted = Interrupted(screen=Screen.COMPOSE, component_id="compose.send", typed={"compose.text": "😀" * 3000})
    state = full_state().model_copy(
        update={"contact": person, "recipient": person, "draft": draft, "interrupted": interrupted}
    )
    size = len(json.dumps(seal(state, HERE, KEYS, NOW), ensure_ascii=False).encode())
    assert size < 48 * 1024
