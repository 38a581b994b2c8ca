"""A page may only name commands that exist."""

import pytest

from devstack.readme_check import commands_of, trouble_with


def test_shell_blocks_give_their_commands_and_other_blocks_none() -> None:
    page = "```sh\n$ A=1 make run && make test | tail\n```\n```python\nmake nothing\n```\n"
    assert commands_of(page) == [["make", "run"], ["make", "test"], ["tail"]]


def test_a_continued_line_is_one_command() -> None:
    assert commands_of("```\nmake \\\n  run\n```\n") == [["make", "run"]]


def test_a_block_in_a_list_gives_its_commands() -> None:
    assert commands_of("1. So:\n\n   ```sh\n   make run\n   ```\n") == [["make", "run"]]


def test_a_drawing_is_no_command() -> None:
    assert commands_of("```\n── it's a box ▶\n```\n") == []


@pytest.mark.parametrize(
    "command",
    ["make run", "make test ARGS=x", "python -m devstack run", ".venv/bin/python -m pytest tests", "git clone x"],
)
def test_a_command_that_exists_is_no_trouble(command: str) -> None:
    assert trouble_with(command.split()) == ""


@pytest.mark.parametrize(
    ("command", "named"), [("make nonsense", "nonsense"), ("python -m no_such_module", "no_such_module")]
)
def test_a_command_that_does_not_exist_is_named(command: str, named: str) -> None:
    assert named in trouble_with(command.split())
