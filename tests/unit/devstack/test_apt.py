"""How packages are installed, with a stand-in for apt-get."""

from pathlib import Path

import pytest

from devstack import apt
from devstack.errors import BackendError


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "apt-get"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_old_list_of_packages_is_fetched_and_the_installation_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    script = f'echo "$*" >> {log}\ncase "$*" in *update*) touch {log}.new;; *) test -e {log}.new;; esac'
    stand_in(tmp_path, script, monkeypatch)
    apt.install("tea", report=print)
    assert [line.rpartition(" ")[2] for line in log.read_text().splitlines()] == ["tea", "update", "tea"]


def test_a_failure_is_told_with_the_end_of_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "echo no tea here; exit 100", monkeypatch)
    with pytest.raises(BackendError, match=r"failed \(100\):\n  \| no tea here"):
        apt.install("tea", report=print)


def test_a_long_installation_tells_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "echo unpacking tea; sleep 0.5", monkeypatch)
    monkeypatch.setattr(apt, "PATIENCE_SECONDS", 0.1)
    said: list[str] = []
    apt.apt_get("install", "tea", report=said.append)
    assert any("unpacking tea" in line for line in said)
