"""The stack, driven with tiny stand-ins for broker, database and services."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.backends import Backends
from devstack.errors import ProcessFailed
from devstack.probes import http_answer
from devstack.processes import started_at
from devstack.progress import Silent
from devstack.services import Service
from devstack.stack import Stack

STAND_IN = str(Path(__file__).with_name("stand_in.py"))
RUNNER = Path(__file__).with_name("run_stand_ins.py")


def make_service(name: str, **environment: str) -> Service:
    """A service that is one stand-in."""
    return Service(name, (STAND_IN,), {"PORT": name}, (name, "/"), lambda _: environment)


class FakeServer:
    """A broker and a database that only count."""

    def __init__(self) -> None:
        self.amqp_url = self.database_url = self.cluster_name = "fake"
        self.calls: list[str] = []

    def start(self) -> None:
        """Count."""
        self.calls.append("start")

    def stop(self, mode: str = "fast") -> None:
        """Count."""
        self.calls.append("stop")

    def kill(self) -> None:
        """Nothing to kill."""

    def restart(self) -> None:
        """Nothing to restart."""

    def ctl(self, *arguments: str) -> str:
        """Nothing to control."""
        return ""

    def create_vhost(self, name: str) -> str:
        """Nothing to make."""
        return name

    def create_database(self, name: str) -> str:
        """Nothing to make."""
        return name


class StandInStack(Stack):
    """Without proactivectl: the stand-ins need no set-up."""

    def set_up(self) -> None:
        """Nothing to set up."""


MakeStack = Callable[..., StandInStack]


@pytest.fixture
def server() -> FakeServer:
    """Broker and database in one."""
    return FakeServer()


@pytest.fixture
def make_stack(tmp_path: Path, server: FakeServer) -> Iterator[MakeStack]:
    """Makes stacks of stand-ins on one state folder."""
    made: list[StandInStack] = []

    def make(*services: Service, overrides: dict[str, dict[str, str]] | None = None) -> StandInStack:
        stack = StandInStack(
            tmp_path / "state",
            services=services,
            overrides=overrides,
            progress=Silent(),
            backends=Backends(server, server, "fake", "fake"),
        )
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.stop()


def greeting(stack: Stack, name: str) -> str:
    """What a stand-in says."""
    return http_answer(stack.surroundings.url(name))[1]


def test_a_started_stack_is_ready_and_a_stopped_one_is_gone(make_stack: MakeStack, server: FakeServer) -> None:
    with make_stack(make_service("one"), make_service("two")) as stack:
        assert [stack.process(name).running for name in stack.names] == [True, True]
    assert [stack.process(name).exit_code for name in stack.names] == [0, 0]
    assert server.calls[-2:] == ["stop", "stop"]


def test_overrides_reach_the_process_that_they_name(make_stack: MakeStack) -> None:
    services = (make_service("one", GREETING="hello"), make_service("two", GREETING="hello"))
    with make_stack(*services, overrides={"two": {"GREETING": "other"}}) as stack:
        assert (greeting(stack, "one"), greeting(stack, "two")) == ("hello", "other")


def test_a_restart_takes_extra_environment_once_and_keeps_the_port(make_stack: MakeStack) -> None:
    with make_stack(make_service("one", GREETING="first")) as stack:
        stack.restart("one", {"GREETING": "second"})
        assert greeting(stack, "one") == "second"
        stack.kill("one")
        assert stack.process("one").exit_code == -signal.SIGKILL
        stack.start_service("one")
        assert greeting(stack, "one") == "first"


def test_a_service_that_cannot_start_is_named_and_nothing_is_left(make_stack: MakeStack) -> None:
    stack = make_stack(make_service("good"), make_service("bad", FAIL="1"))
    with pytest.raises(ProcessFailed, match=r"bad ended with exit code 1[\s\S]*told to fail"):
        stack.start()
    assert not stack.process("good").running


def start_runner(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`make run` with one stand-in, in a process of its own."""
    return subprocess.Popen([sys.executable, str(RUNNER), str(folder), *arguments], stdout=subprocess.PIPE, text=True)


def read_until(runner: "subprocess.Popen[str]", word: str) -> str:
    """What it printed up to the line with this word."""
    assert runner.stdout is not None
    said = ""
    for line in runner.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(f"{word!r} was never printed:\n{said}")


def pids_of(folder: Path) -> list[int]:
    """The stand-ins that a runner started."""
    return [int(path.read_text().split('"pid": ')[1].split(",")[0]) for path in (folder / "pids").glob("*.pid")]


def all_gone(pids: list[int]) -> bool:
    """Whether none of them runs."""
    return not any(started_at(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with start_runner(tmp_path) as runner:
        read_until(runner, "Ctrl-C stops everything")
        pids = pids_of(tmp_path)
        runner.send_signal(number)
        assert runner.wait(15) == 0
        assert "stand-in: stopping" in (tmp_path / "logs" / "sandbox.log").read_text()
        assert pids
        assert all_gone(pids)


def test_a_signal_during_the_start_stops_everything(tmp_path: Path) -> None:
    with start_runner(tmp_path, "--never-ready") as runner:
        deadline = time.monotonic() + 10
        while not list((tmp_path / "pids").glob("*.pid")) and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = pids_of(tmp_path)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(15) == 0
        assert pids
        assert all_gone(pids)


def test_a_second_signal_kills_what_does_not_end(tmp_path: Path) -> None:
    with start_runner(tmp_path, "--stubborn") as runner:
        read_until(runner, "Ctrl-C stops everything")
        pids = pids_of(tmp_path)
        runner.send_signal(signal.SIGINT)
        time.sleep(1)
        assert not all_gone(pids)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(5) == 0
        assert all_gone(pids)


def test_a_second_run_in_the_same_folder_is_refused_with_one_line(tmp_path: Path) -> None:
    with start_runner(tmp_path) as first:
        read_until(first, "Ctrl-C stops everything")
        with start_runner(tmp_path) as second:
            said, _ = second.communicate(timeout=10)
        assert second.returncode == 1
        assert said.count("\n") == 1
        assert str(first.pid) in said
        first.send_signal(signal.SIGINT)
        assert first.wait(15) == 0


def test_a_service_that_dies_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    with start_runner(tmp_path) as runner:
        read_until(runner, "Ctrl-C stops everything")
        victim, other = pids_of(tmp_path)
        subprocess.run(["kill", "-9", str(victim)], check=True)
        said = read_until(runner, "The whole log")
        assert "ended with exit code -9" in said
        assert started_at(other)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(15) == 0


def test_a_run_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    with start_runner(tmp_path) as first:
        read_until(first, "Ctrl-C stops everything")
        first.kill()
    with start_runner(tmp_path) as second:
        read_until(second, "Ctrl-C stops everything")
        second.send_signal(signal.SIGINT)
        assert second.wait(15) == 0
