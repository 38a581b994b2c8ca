"""Where broker and database come from, and what is said when they cannot be had."""

import contextlib
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devstack import containers, engine, rabbitmq_install
from devstack.backends import ExternalBroker, ExternalDatabase, choose
from devstack.errors import BackendError
from devstack.state import State, is_free, root_of_checkout

NOWHERE = {"AMQP_URL": "amqp://127.0.0.1:1/", "DATABASE_URL": "postgresql://x:y@127.0.0.1:1/x"}


def test_addresses_in_the_environment_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    chosen = choose(State(tmp_path), purpose="run", report=print, environment=NOWHERE)
    assert isinstance(chosen.broker, ExternalBroker)
    assert isinstance(chosen.database, ExternalDatabase)
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_does_not_answer_is_named_with_the_reason(tmp_path: Path) -> None:
    chosen = choose(State(tmp_path), purpose="run", report=print, environment=NOWHERE)
    with pytest.raises(BackendError, match=r"AMQP_URL.*refused|AMQP_URL.*Connect call failed"):
        chosen.broker.start()
    with pytest.raises(BackendError, match=r"DATABASE_URL.*Connect"):
        chosen.database.start()


def test_somebodys_broker_is_not_mistreated(tmp_path: Path) -> None:
    chosen = choose(State(tmp_path), purpose="run", report=print, environment=NOWHERE)
    chosen.broker.stop()
    with pytest.raises(BackendError, match="Unset AMQP_URL"):
        chosen.broker.kill()


def test_an_unknown_wish_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="Use containers or private"):
        choose(State(tmp_path), purpose="run", report=print, environment={"PROACTIVE_BACKENDS": "cloud"})


@pytest.fixture
def engine_socket(tmp_path: Path) -> Iterator[Path]:
    """A container engine that answers pings and nothing else."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

        thread = threading.Thread(target=answer)
        thread.start()
        yield path
        thread.join(5)


def test_an_engine_that_answers_is_found(engine_socket: Path) -> None:
    assert engine.engine_answers([str(engine_socket)])


def test_a_socket_without_an_engine_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert not engine.engine_answers([str(path), str(tmp_path / "missing.sock")])


def test_the_chosen_engine_is_the_only_one_asked() -> None:
    assert engine.engine_sockets({"DOCKER_HOST": "unix:///run/mine.sock"}) == ["/run/mine.sock"]
    assert engine.engine_sockets({"DOCKER_HOST": "tcp://far:2375"}) == []


def test_compose_is_told_every_setting_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, str] = {}

    def run(_command: list[str], environment: Mapping[str, str]) -> str:
        told.update(environment)
        return ""

    monkeypatch.setattr(containers, "run_command", run)
    compose = containers.Compose(State(tmp_path), ["docker", "compose"])
    compose("up", "--detach", "rabbitmq")
    assert compose.file == root_of_checkout() / "deploy" / "backends.yaml"
    assert set(re.findall(r"\$\{(\w+)", compose.file.read_text())) == {name for name in told if name not in os.environ}


def fail_under(policy: Path) -> str:
    """An installation that fails; what the policy said meanwhile."""
    with contextlib.suppress(BackendError), rabbitmq_install.no_autostart(policy):
        during = policy.read_text()
        raise BackendError("no network")
    return during


@pytest.mark.parametrize("before", ["#!/bin/sh\nexit 0\n", None])
def test_the_policy_against_autostart_goes_even_when_the_installation_fails(tmp_path: Path, before: str | None) -> None:
    policy = tmp_path / "policy-rc.d"
    if before:
        policy.write_text(before)
    during = fail_under(policy)
    assert "exit 101" in during
    assert [path.name for path in tmp_path.iterdir()] == (["policy-rc.d"] if before else [])
    assert before is None or policy.read_text() == before


def test_a_missing_broker_that_is_not_ours_to_install_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq_install, "find_scripts", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    with pytest.raises(BackendError, match="sudo apt-get install -y rabbitmq-server"):
        rabbitmq_install.ensure_rabbitmq(print)


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_chosen_port_is_nobody_elses_until_its_state_is_forgotten(tmp_path: Path) -> None:
    first, second = State(tmp_path / "first"), State(tmp_path / "second")
    for state in (first, second):
        state.folder.mkdir()
    chosen = first.ports(["broker"])
    (second.folder / "ports.json").write_text(json.dumps(chosen))
    assert first.ports(["broker"]) == chosen, "the same as last time"
    other = second.ports(["broker"])
    assert other != chosen
    first.forget()
    (second.folder / "ports.json").write_text(json.dumps(chosen))
    assert second.ports(["broker"]) == chosen
    second.forget()
