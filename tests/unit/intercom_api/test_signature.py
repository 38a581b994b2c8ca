"""Requests that Intercom signed, and those that it did not."""

import hashlib
import hmac

import pytest
from pydantic import SecretStr

from intercom_api import signature_is_valid

BODY = b'{"workspace_id": "sandbox1"}'
NEW, OLD = SecretStr("new-secret"), SecretStr("old-secret")


def signed(body: bytes, secret: SecretStr) -> str:
    return hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_signature_of_any_secret_is_valid(secret: SecretStr) -> None:
    assert signature_is_valid(BODY, signed(BODY, secret), [NEW, OLD])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "é",
        "\udcff",
        "0" * 64,
        signed(BODY + b" ", NEW),
        signed(BODY, SecretStr("another")),
        signed(BODY, NEW).upper(),
        signed(BODY, NEW)[:-1],
        f"sha256={signed(BODY, NEW)}",
    ],
)
def test_anything_else_is_invalid(header: str | None) -> None:
    assert not signature_is_valid(BODY, header, [NEW, OLD])


def test_without_secrets_nothing_is_valid() -> None:
    assert not signature_is_valid(BODY, signed(BODY, NEW), [])
