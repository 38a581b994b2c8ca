"""Child processes: started, stopped within bounds, and found again after a crash."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.errors import ProcessFailed
from devstack.processes import Process, started_at, stop_leftovers

SLEEPER = "import time; print('awake', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"

MakeProcess = Callable[[str], Process]


@pytest.fixture
def make_process(tmp_path: Path) -> Iterator[MakeProcess]:
    """Makes processes that run a line of Python; whatever is left of them is killed afterwards."""
    made: list[Process] = []

    def make(code: str) -> Process:
        process = Process(
            "stand-in",
            [sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"]},
            log=tmp_path / "logs" / "stand-in.log",
            pid_file=tmp_path / "pids" / f"stand-in-{len(made)}.pid",
            cwd=tmp_path,
        )
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()


def wrote(process: Process, word: str) -> Callable[[], bool]:
    """Whether it has said this already."""
    return lambda: word in process.log_tail()


def test_a_process_that_is_stopped_ends_by_its_signal(make_process: MakeProcess) -> None:
    process = make_process(SLEEPER)
    process.start()
    process.wait_ready(wrote(process, "awake"), 10)
    process.stop()
    assert process.exit_code == -signal.SIGTERM


def test_a_process_that_ignores_the_request_is_killed_when_its_time_is_over(make_process: MakeProcess) -> None:
    process = make_process(STUBBORN)
    process.start()
    process.wait_ready(wrote(process, "awake"), 10)
    process.stop(0.2)
    assert process.exit_code == -signal.SIGKILL


def test_stopping_twice_and_before_the_start_does_nothing(make_process: MakeProcess) -> None:
    process = make_process(SLEEPER)
    process.stop()
    process.start()
    process.stop()
    process.stop()
    assert not process.running


def test_a_process_that_ends_early_is_reported_with_its_words(make_process: MakeProcess) -> None:
    process = make_process("print('no luck'); raise SystemExit(3)")
    process.start()
    with pytest.raises(ProcessFailed, match=r"exit code 3[\s\S]*no luck"):
        process.wait_ready(lambda: False, 10)


def test_a_program_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    process = Process(
        "ghost", ["/no/such/program"], env={}, log=tmp_path / "log", pid_file=tmp_path / "ghost.pid", cwd=tmp_path
    )
    process.start()
    with pytest.raises(ProcessFailed, match="cannot start /no/such/program"):
        process.wait_ready(lambda: False, 10)


def test_only_the_lines_since_the_last_start_are_shown(make_process: MakeProcess) -> None:
    process = make_process("import os; print('line of', os.getpid())")
    for _ in range(2):
        process.start()
        with pytest.raises(ProcessFailed):
            process.wait_ready(lambda: False, 10)
    assert process.log_tail().count("line of") == 1


def test_what_a_crashed_run_left_is_stopped(make_process: MakeProcess, tmp_path: Path) -> None:
    process = make_process(SLEEPER)
    process.start()
    assert stop_leftovers(tmp_path / "pids", seconds=5) == ["stand-in-0"]
    assert not process.running
    assert stop_leftovers(tmp_path / "pids") == []


def test_another_process_under_a_noted_number_is_left_alone(make_process: MakeProcess, tmp_path: Path) -> None:
    process = make_process(SLEEPER)
    process.start()
    note = tmp_path / "pids" / "stand-in-0.pid"
    note.write_text(json.dumps({"pid": process.pid, "started": "another time", "stop_signal": int(signal.SIGTERM)}))
    assert stop_leftovers(tmp_path / "pids") == []
    assert process.running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_child_does_not_outlive_a_killed_devstack(tmp_path: Path) -> None:
    parent_code = f"""
import os, sys, time
from pathlib import Path
from devstack.processes import Process
home = Path({str(tmp_path)!r})
command = [sys.executable, "-c", {SLEEPER!r}]
child = Process("child", command, env={{}}, log=home / "log", pid_file=home / "child.pid", cwd=home)
child.start()
child.wait_ready(lambda: "awake" in child.log_tail(), 10)
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert started_at(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while started_at(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not started_at(child)
