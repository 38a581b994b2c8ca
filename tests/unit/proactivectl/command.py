"""Runs `proactivectl` in this process, as if it was typed."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from proactivectl.app import main


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Command:
    """`run("channel", "list")`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> Ended:
        """Run it and check its exit code."""
        self._monkeypatch.setattr("sys.argv", ["proactivectl", *arguments])
        self._capsys.readouterr()
        ended = main()
        out, err = self._capsys.readouterr()
        assert ended == code, f"exit code {ended}\n{out}\n{err}"
        assert "Traceback" not in err
        return Ended(ended, out, err)
