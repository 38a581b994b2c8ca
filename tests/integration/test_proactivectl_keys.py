"""Keys are replaced while everything works: new first, all sealed anew, old one gone."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.integration.test_proactivectl import CHANNEL_ID, CHANNEL_KEY, DECLARED, WORKSPACE_KEY, run
from tests.unit.proactivectl.command import Command

__all__ = ["run"]

NEW_WORKSPACE_KEY, NEW_CHANNEL_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def sealed(run: Command, tmp_path: Path) -> Command:
    """A workspace and a channel, sealed with the old keys."""
    (tmp_path / "auth_token").write_text("s3cret too\n")
    (tmp_path / "channels.yaml").write_text(DECLARED)
    run("migrate")
    run("apply", "-f", str(tmp_path / "channels.yaml"))
    return run


def give(monkeypatch: pytest.MonkeyPatch, workspaces: str, channels: str) -> None:
    monkeypatch.setenv("PROACTIVE_WORKSPACE_KEYS", workspaces)
    monkeypatch.setenv("PROACTIVE_CHANNEL_KEYS", channels)


def keys_of(listed: Command, code: int = 0) -> list[str]:
    return [secret["key"] for secret in listed("keys", "list", "--json", code=code).document["secrets"]]


def test_keys_are_replaced_without_a_pause(sealed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys_of(sealed) == ["newest", "newest"]
    give(monkeypatch, f"{NEW_WORKSPACE_KEY},{WORKSPACE_KEY}", f"{NEW_CHANNEL_KEY},{CHANNEL_KEY}")
    assert keys_of(sealed) == ["older", "older"]
    assert sealed("keys", "rotate", "--json").document == {"resealed": 2, "secrets": 2}
    assert keys_of(sealed) == ["newest", "newest"]
    assert "seals everything already" in sealed("keys", "rotate").out
    give(monkeypatch, NEW_WORKSPACE_KEY, NEW_CHANNEL_KEY)
    assert keys_of(sealed) == ["newest", "newest"]
    assert "keys.rotate" in sealed("audit", "list").out


def test_what_no_key_opens_is_named_and_the_rest_is_sealed_anew(
    sealed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, f"{NEW_WORKSPACE_KEY},{WORKSPACE_KEY}", Fernet.generate_key().decode())
    failed = sealed("keys", "rotate", code=1)
    assert "1 secret cannot be opened" in failed.err
    assert f"channel {CHANNEL_ID} (Support line)" in failed.err
    assert keys_of(sealed, code=1) == ["newest", "none of those that were given"]


def test_a_new_key_is_one_that_is_taken(sealed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, f"{sealed('keys', 'new').out.strip()},{WORKSPACE_KEY}", CHANNEL_KEY)
    assert keys_of(sealed) == ["older", "newest"]
