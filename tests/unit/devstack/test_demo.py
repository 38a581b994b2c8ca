"""The demo's lines and exit code, and its reading of a canvas."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from devstack.demo.checks import LeftOut, Unexpected, eventually
from devstack.demo.panel import App, encode
from devstack.demo.runner import Score, Step, play
from devstack.demo.scene import Scene
from devstack.demo.screen import Screen
from devstack.progress import Progress

SUBMIT = {"type": "submit"}


class EmptyScene:
    """Counts how often it was put right."""

    def __init__(self) -> None:
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1


def fail(_: Scene) -> None:
    raise Unexpected("tea", "coffee")


def break_down(_: Scene) -> None:
    raise KeyError("sugar")


def skip(_: Scene) -> None:
    raise LeftOut("no tea here")


def succeed(_: Scene) -> None:
    """Nothing to do."""


def make_screen(*components: dict[str, Any]) -> Screen:
    return Screen({"content": {"components": list(components)}, "stored_data": {}})


def test_failed_step_says_both_sides_and_the_next_one_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    scene, score = EmptyScene(), Score()
    steps: list[tuple[str, Callable[[Scene], None]]] = [("first", fail), ("second", break_down), ("third", succeed)]
    play(cast(Scene, scene), [Step(title, step) for title, step in steps], score, Progress())
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert "expected: tea" in said
    assert "seen:     coffee" in said
    assert "KeyError" in said
    assert said.splitlines()[-1].startswith("ok ")
    assert scene.resets == 3
    assert str(score) == "demo: 1 passed, 2 failed"


def test_step_that_is_left_out_says_why_and_counts_neither_way(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score()
    play(cast(Scene, EmptyScene()), [Step("tea", skip)], score, Progress())
    assert "no tea here" in capsys.readouterr().out
    assert str(score) == "demo: 0 passed, 0 failed"


def test_clickable_goes_by_label_by_title_and_by_id() -> None:
    screen = make_screen(
        {"type": "button", "id": "home.send", "label": "Send", "action": SUBMIT},
        {"type": "list", "items": [{"type": "item", "id": "row:1", "title": "Anna", "action": SUBMIT}]},
    )
    assert [screen.clickable(what) for what in ("Send", "home.send", "Anna")] == ["home.send", "home.send", "row:1"]


def test_what_is_disabled_or_has_no_action_cannot_be_clicked() -> None:
    screen = make_screen(
        {"type": "button", "id": "a", "label": "Send", "action": SUBMIT, "disabled": True},
        {"type": "list", "items": [{"type": "item", "id": "b", "title": "Anna"}]},
    )
    for what in ("Send", "Anna"):
        with pytest.raises(Unexpected):
            screen.clickable(what)


def test_sentence_stands_alone_or_not() -> None:
    screen = make_screen(
        {"type": "text", "text": "Phone number is missing."}, {"type": "text", "text": "No tea. Sorry."}
    )
    assert screen.says("Phone number is missing.")
    assert screen.shows("No tea.")
    assert not screen.says("No tea.")


def test_values_hold_untouched_inputs_and_choices() -> None:
    screen = make_screen(
        {"type": "input", "id": "phone", "label": "Phone", "value": "+49"},
        {"type": "textarea", "id": "text", "label": "Text"},
        {"type": "single-select", "id": "scope", "value": "mine", "options": []},
    )
    assert screen.values() == {"phone": "+49", "text": "", "scope": "mine"}


def test_signature_is_that_of_a_known_example() -> None:
    """RFC 4231, test case 2: HMAC-SHA256 with the key "Jefe"."""
    headers = App("http://127.0.0.1:1", "Jefe").headers(b"what do ya want for nothing?")
    assert headers["X-Body-Signature"] == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_request_is_written_without_blanks_and_with_letters_as_they_are() -> None:
    assert encode({"name": "Łucja 🌸", "n": 1}) == '{"name":"Łucja 🌸","n":1}'.encode()


def test_eventually_gives_up_with_what_it_saw_last() -> None:
    with pytest.raises(Unexpected) as given_up:
        eventually(lambda: "rain", lambda seen: seen == "sun", "the sun", seconds=0)
    assert given_up.value.seen == "rain"
