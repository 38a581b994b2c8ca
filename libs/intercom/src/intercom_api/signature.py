"""Recognises the requests that Intercom sends to a Canvas Kit app."""

import hashlib
import hmac
from collections.abc import Sequence

from pydantic import SecretStr


def signature_is_valid(raw_body: bytes, header: str | None, secrets: Sequence[SecretStr]) -> bool:
    """
    Whether `X-Body-Signature` was made with one of our client secrets, over exactly these bytes.

    The header is the lowercase hexadecimal HMAC-SHA256 of the raw body. Several secrets are for rotation; all
    are compared, in constant time, so that the timing tells neither the secret nor which one fitted.
    """
    given = (header or "").encode(errors="replace")
    fitting = [hmac.compare_digest(_signature(raw_body, secret), given) for secret in secrets]
    return any(fitting)


def _signature(raw_body: bytes, secret: SecretStr) -> bytes:
    return hmac.new(secret.get_secret_value().encode(), raw_body, hashlib.sha256).hexdigest().encode()
