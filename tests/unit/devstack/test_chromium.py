"""Which Chromium is used, and what somebody without one is told."""

import os
import shutil
from pathlib import Path

import pytest

from devstack import apt, chromium
from devstack.errors import BackendError


@pytest.fixture(autouse=True)
def no_other_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but what a test puts into its folder."""
    monkeypatch.delenv(chromium.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(chromium, "PROGRAMS", ("chromium-of-a-test", "chrome-of-a-test"))
    monkeypatch.setattr(chromium, "APPLICATIONS", ())


def make_program(path: Path, exit_code: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


def test_a_script_that_only_names_another_package_is_passed_over(tmp_path: Path) -> None:
    make_program(tmp_path / "chromium-of-a-test", exit_code=1)
    wanted = make_program(tmp_path / "chrome-of-a-test")
    assert chromium.find_chromium() == wanted


def test_the_named_program_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(tmp_path / "chromium-of-a-test")
    monkeypatch.setenv(chromium.VARIABLE, str(make_program(tmp_path / "mine")))
    assert chromium.find_chromium() == tmp_path / "mine"


def test_a_named_program_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(BackendError, match="nowhere, which does not start"):
        chromium.find_chromium()


def test_a_missing_browser_that_is_not_ours_to_install_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    with pytest.raises(BackendError, match="sudo apt-get install -y chromium"):
        chromium.ensure_chromium(print)


def test_a_missing_browser_is_installed_where_we_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(*packages: str, report: object) -> None:
        assert "chromium" in packages
        make_program(tmp_path / "chromium-of-a-test")

    monkeypatch.setattr(apt, "may_install", lambda: True)
    monkeypatch.setattr(apt, "install", install)
    said: list[str] = []
    assert chromium.ensure_chromium(said.append) == tmp_path / "chromium-of-a-test"
    assert said
