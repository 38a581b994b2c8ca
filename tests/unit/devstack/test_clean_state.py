"""`make clean-state`: forgets everything, and nothing while something runs."""

from pathlib import Path

import pytest

from devstack.run import clean_state
from devstack.state import State


def test_nothing_is_removed_while_something_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / ".dev"
    with State(root / "run").lock():
        assert clean_state(root) == 1
    assert (root / "run").exists()
    assert "nothing was removed" in capsys.readouterr().out


def test_everything_is_removed_when_nothing_runs(tmp_path: Path) -> None:
    root = tmp_path / ".dev"
    for name in ("run", "demo"):
        with State(root / name).lock():
            State(root / name).secrets()
    assert clean_state(root) == 0
    assert not root.exists()
