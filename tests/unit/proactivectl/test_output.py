"""What is printed for people and for programs."""

import json

import pytest

from proactivectl import output
from proactivectl.failures import Failure


@pytest.fixture(autouse=True)
def words() -> None:
    output.reset()


def test_words_cannot_move_the_terminal_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME",), [("evil\x1b[2Jname",)], "none")
    output.complain(Failure("a \x1b[31mred\nname", "See it."))

    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert err == "error: a  [31mred name. See it.\n"


def test_words_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME",), [("[bold]name[/bold]",)], "none")
    output.say("[red]said[/red]")

    out = capsys.readouterr().out
    assert "[bold]name[/bold]" in out
    assert "[red]said[/red]" in out


def test_long_rows_stay_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("A", "B"), [("x" * 150, "y" * 150)], "none")

    assert "x" * 150 + "   " + "y" * 150 in capsys.readouterr().out


def test_json_is_the_only_thing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    output.use_json(True)
    output.say("words")
    output.table(("A",), [("b",)], "none")
    output.show({"a": 1}, lambda: output.say("more words"))

    assert json.loads(capsys.readouterr().out) == {"a": 1}
