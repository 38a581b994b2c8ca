"""`make setup`: what it skips, and what it says where something is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from devstack.state import root_of_checkout

BOOTSTRAP = root_of_checkout() / "tools" / "devstack" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    """The file, which is part of no package: it runs before any is installed."""
    spec = importlib.util.spec_from_file_location("bootstrap", BOOTSTRAP)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_where_debians_venv_package_is_missing_a_plain_user_is_told_the_command(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    with pytest.raises(SystemExit, match=rf"sudo apt-get install -y python3\.{sys.version_info[1]}-venv"):
        bootstrap.install_venv_package()


def test_the_key_changes_with_the_members(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    project = tmp_path / "libs" / "one" / "pyproject.toml"
    project.parent.mkdir(parents=True)
    project.write_text("a")
    assert bootstrap.member_projects() == [project]
    before = bootstrap.digest([project])
    project.write_text("b")
    assert bootstrap.digest([project]) != before


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-bench.lock"])
def test_the_lock_names_no_address_and_no_place(name: str) -> None:
    lock = (root_of_checkout() / name).read_text()
    assert not [word for word in ("://", "--index", "--find-links", "--extra", " @ ") if word in lock]
    pinned = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in line for line in pinned)


def test_the_benchmark_changes_no_version() -> None:
    locks = [(root_of_checkout() / name).read_text() for name in ("requirements.lock", "requirements-bench.lock")]
    ours, benchs = (dict(line.split()[0].split("==") for line in lock.splitlines() if "==" in line) for lock in locks)
    shared = ours.keys() & benchs.keys()
    assert {name: ours[name] for name in shared} == {name: benchs[name] for name in shared}


@pytest.mark.skipif(not (root_of_checkout() / ".venv" / "setup-stamp.json").exists(), reason="not set up by make")
def test_a_setup_that_has_nothing_to_do_takes_less_than_a_second() -> None:
    python = (root_of_checkout() / ".venv" / "bin" / "python").resolve()
    started = time.monotonic()
    done = subprocess.run([python, BOOTSTRAP], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert time.monotonic() - started < 1
