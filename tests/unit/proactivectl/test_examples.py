"""Every command has an example under its help, whose options exist."""

import shlex

import pytest

from proactivectl.examples import EXAMPLES
from tests.unit.proactivectl.command import Command


@pytest.mark.parametrize("command", EXAMPLES)
def test_example_stands_under_the_help_that_explains_its_options(
    run: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    shown, _, example = run(*command.split(), "--help").out.partition(" Example: ")
    assert example.strip() == f"proactivectl {command} {EXAMPLES[command]}".rstrip()
    options = [word for word in shlex.split(EXAMPLES[command]) if word.startswith("-")]
    assert all(option in shown for option in options)


def test_help_begins_with_what_one_needs_at_night(run: Command) -> None:
    shown = run("--help").out
    places = [shown.index(word) for word in ("How it stands", "│ status", "│ doctor", "─ Messages", "Setting up")]
    assert places == sorted(places)
