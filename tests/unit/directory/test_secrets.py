"""Secrets are opened by their keys, for their row, and by nothing else."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from directory import InvalidKey, SecretMismatch, SecretUnreadable, Vault


def make_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


OLD, NEW = make_key(), make_key()


def test_secret_is_opened_for_its_row() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("tökén", bound_to="workspace a")

    assert vault.open(sealed, bound_to="workspace a") == "tökén"
    assert "tökén" not in sealed


def test_secret_copied_to_another_row_is_refused() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("token", bound_to="workspace a")

    with pytest.raises(SecretMismatch, match="workspace b"):
        vault.open(sealed, bound_to="workspace b")


def test_older_key_opens_and_newest_seals() -> None:
    sealed_before = Vault([OLD]).seal("token", bound_to="row")
    rotated = Vault([NEW, OLD])
    sealed_after = rotated.seal("token", bound_to="row")

    assert rotated.open(sealed_before, bound_to="row") == "token"
    assert not rotated.is_current(sealed_before)
    assert rotated.is_current(sealed_after)
    assert Vault([NEW]).open(sealed_after, bound_to="row") == "token"


@pytest.mark.parametrize("damage", [lambda sealed: sealed[:-4], lambda sealed: "", lambda sealed: "grün"])
def test_damaged_secret_is_unreadable(damage: object) -> None:
    vault = Vault([NEW])
    assert callable(damage)

    with pytest.raises(SecretUnreadable, match="connect it again"):
        vault.open(damage(vault.seal("token", bound_to="row")), bound_to="row")


def test_secret_of_a_dropped_key_is_unreadable() -> None:
    sealed = Vault([OLD]).seal("token", bound_to="row")

    with pytest.raises(SecretUnreadable, match="row"):
        Vault([NEW]).open(sealed, bound_to="row")


@pytest.mark.parametrize("wrong", ["", "short", "ü" * 44, "a" * 44 + "b"])
def test_key_of_another_form_is_named_and_not_shown(wrong: str) -> None:
    with pytest.raises(InvalidKey, match="key 2 of 2") as raised:
        Vault([NEW, SecretStr(wrong)])

    assert not wrong or wrong not in str(raised.value)


def test_vault_without_keys_is_refused() -> None:
    with pytest.raises(InvalidKey):
        Vault([])
