"""What is remembered between two starts of a stack."""

import json
import socket
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from devstack.accounts import Account
from devstack.errors import AlreadyRunning
from devstack.state import PORTS, State


def test_ports_are_remembered(tmp_path: Path) -> None:
    first = State(tmp_path).ports(["amqp", "postgres"])
    assert State(tmp_path).ports(["postgres", "amqp"]) == first
    assert len(set(first.values())) == 2
    assert all(port in PORTS for port in first.values())


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    port = State(tmp_path).ports(["amqp"])["amqp"]
    with socket.create_server(("127.0.0.1", port)):
        replacement = State(tmp_path).ports(["amqp"])["amqp"]
    assert replacement != port
    assert State(tmp_path).ports(["amqp"])["amqp"] == replacement


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    secrets = State(tmp_path).secrets()
    assert State(tmp_path).secrets() == secrets
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert State(tmp_path / "..").folder != tmp_path


def test_secrets_that_an_older_version_did_not_know_are_added(tmp_path: Path) -> None:
    older = asdict(State(tmp_path).secrets())
    added = {name: older.pop(name) for name in ("meta_app_secret", "infobip_api_key")}
    (tmp_path / "secrets.json").write_text(json.dumps(older))
    newer = asdict(State(tmp_path).secrets())
    assert {name: newer[name] for name in older} == older
    assert all(newer[name] and newer[name] != value for name, value in added.items())
    assert asdict(State(tmp_path).secrets()) == newer


def test_two_states_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert State(tmp_path / "one").secrets() != State(tmp_path / "two").secrets()


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.lock(), pytest.raises(AlreadyRunning, match=r"^\d+$"), State(tmp_path).lock():
        pass
    with state.lock():
        pass


def test_servers_of_a_closed_checkout_live_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    state = State(closed)
    state.account = Account(65534, 65534)
    assert state.servers.parent == Path("/var/tmp")
    state.account = None
    assert state.servers.parent == closed
