"""The accounts file, and what each role may do on the broker."""

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest

from proactive_contracts.topology import EVENTS, REQUESTS, topology
from proactive_contracts.values import Channel, Lane
from proactivectl.accounts import Accounts, Role, access, definitions
from proactivectl.database_accounts import verifier
from proactivectl.failures import WrongUsage
from proactivectl.files import load


def read(folder: Path, *lines: str) -> Accounts:
    file = folder / "accounts.yaml"
    file.write_text("accounts:\n" + "".join(f"  - {line}\n" for line in lines))
    return load(file, Accounts)[0]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P", "pencil")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{name: a, role: dispatcher, password: {env: P}}", "a dispatcher needs channel"),
        ("{name: a, role: publisher, password: {env: P}}", "a publisher needs channels"),
        ("{name: a, role: listener, password: {env: P}}", "a listener needs listener"),
        ("{name: a, role: operator, channel: sms, password: {env: P}}", "a operator has no channel"),
        ("{name: a, role: king, password: {env: P}}", "accounts[0].role"),
        ("{name: 'a b', role: operator, password: {env: P}}", "accounts[0].name"),
        ("{name: a, role: operator, password: pencil}", "a secret is never written here"),
        (
            "{name: a, role: operator, password: {env: NOT_SET}}",
            "accounts[0].password: the environment variable NOT_SET",
        ),
        ("{name: a, role: operator, password: {env: P}, chanel: sms}", "known here: channel, channels, listener, name"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(WrongUsage) as raised:
        read(tmp_path, line)
    assert problem in "".join(raised.value.details)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage) as raised:
        read(tmp_path, *["{name: a, role: operator, password: {env: P}}"] * 2)
    assert "the name a is used twice" in raised.value.details[0]


def test_dispatchers_share_no_queue(tmp_path: Path) -> None:
    lines = [f"{{name: {kind}, role: dispatcher, channel: {kind}, password: {{env: P}}}}" for kind in Channel]
    readers = {account.name: access(account).read for account in read(tmp_path, *lines).accounts}
    for queue in topology().queues:
        who = [name for name, pattern in readers.items() if re.search(pattern, queue.name)]
        assert who == ([queue.name.split(".")[1]] if queue.name.startswith("dispatcher.") else []), queue.name


def test_only_who_is_named_may_send_in_bulk(tmp_path: Path) -> None:
    publisher = read(tmp_path, "{name: a, role: publisher, channels: [sms, viber], password: {env: P}}").accounts[0]
    write, _ = access(publisher).keys[REQUESTS]
    sends = [f"send.{channel}.{lane}" for channel in Channel for lane in Lane]
    assert [key for key in sends if re.search(write, key)] == ["send.sms.bulk", "send.viber.bulk"]


def test_no_service_but_the_gateway_makes_queues(tmp_path: Path) -> None:
    extra = {Role.DISPATCHER: "channel: sms, ", Role.PUBLISHER: "channels: [sms], ", Role.LISTENER: "listener: x, "}
    lines = [f"{{name: {role}, role: {role}, {extra.get(role, '')}password: {{env: P}}}}" for role in Role]
    lines = [line.replace("name: canvas_gateway", "name: gateway") for line in lines]
    makes = [account.role for account in read(tmp_path, *lines).accounts if access(account).configure != "^$"]
    assert makes == [Role.CANVAS_GATEWAY]


def test_passwords_travel_as_the_broker_keeps_them(tmp_path: Path) -> None:
    account = read(tmp_path, "{name: a, role: webhooks, password: {env: P}}").accounts[0]
    document = definitions([(account, "pencil")], "my vhost")
    kept = base64.b64decode(document["users"][0]["password_hash"])
    assert kept[4:] == hashlib.sha256(kept[:4] + b"pencil").digest()
    assert "pencil" not in str(document)
    assert document["topic_permissions"][0]["exchange"] == EVENTS
    assert {entry["vhost"] for entry in document["permissions"]} == {"my vhost"}


def test_the_database_is_given_a_verifier() -> None:
    """RFC 5802: what proves the password, and not the password."""
    iterations, salt, stored, _ = re.fullmatch(r"SCRAM-SHA-256\$(\d+):(.+)\$(.+):(.+)", verifier("pencil")).groups()  # type: ignore[union-attr]
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", base64.b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert base64.b64decode(stored) == hashlib.sha256(client).digest()
