"""Where programs come from, with a stand-in for apt-get and for dpkg-deb."""

from pathlib import Path

import pytest

from devstack import apt, prometheus_tools
from devstack.prometheus_tools import not_checked, tool


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the PATH besides the system's own shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(prometheus_tools, "FOLDER", tmp_path / "tools")
    monkeypatch.setattr("shutil.which", lambda name: (folder / name).exists() and str(folder / name))
    monkeypatch.setattr(apt, "may_install", lambda: False)
    return folder


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_one_that_is_installed_is_taken(programs: Path) -> None:
    stand_in(programs, "promtool", "")
    assert tool("promtool") == programs / "promtool"


def test_a_missing_one_is_fetched_once_and_not_installed(programs: Path) -> None:
    stand_in(programs, "apt-get", f'echo "$*" >> {programs}/asked; touch tea.deb')
    stand_in(programs, "dpkg-deb", 'mkdir -p "$3/usr/bin"; touch "$3/usr/bin/promtool" "$3/usr/bin/prometheus"')
    found = tool("promtool")
    assert found == prometheus_tools.FOLDER / "prometheus" / "usr" / "bin" / "promtool"
    assert tool("prometheus") == found.with_name("prometheus")
    asked = (programs / "asked").read_text().splitlines()
    assert len(asked) == 1
    assert asked[0].endswith("download prometheus")


def test_one_that_cannot_be_had_is_told(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in(programs, "apt-get", "echo no network; exit 100")
    stand_in(programs, "dpkg-deb", "exit 1")
    assert tool("amtool") is None
    assert "no network" in capsys.readouterr().out
    assert not_checked("deploy", "amtool") == (
        "deploy was not checked: amtool is not here. Install it first (Debian's package: prometheus-alertmanager)."
    )


def test_without_debian_there_is_none(programs: Path) -> None:
    assert tool("amtool") is None
