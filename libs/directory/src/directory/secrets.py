"""Seals secrets for the database, so that a copy of a row, or of the whole database, opens nothing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from directory.errors import InvalidKey, SecretMismatch, SecretUnreadable


class Vault:
    """
    Keys of one purpose: the newest seals, all of them open.

    What is sealed is bound to its row: the binding is part of the encrypted text, so a sealed text that is
    copied to another row does not open there. To rotate, put a new key first, seal everything anew, drop the
    old key.

    Raises:
        InvalidKey: there is no key, or one is not 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise InvalidKey("no key was given; a vault needs at least one")
        fernets = [_fernet(key, position, len(keys)) for position, key in enumerate(keys, 1)]
        self._newest = fernets[0]
        self._all = MultiFernet(fernets)
        self._secrets = [base64.urlsafe_b64decode(key.get_secret_value()) for key in keys]

    def seal(self, secret: str, *, bound_to: str) -> str:
        """Encrypt `secret` with the newest key for the row named `bound_to`."""
        return self._newest.encrypt(json.dumps({"for": bound_to, "secret": secret}).encode()).decode()

    def open(self, sealed: str, *, bound_to: str) -> str:
        """
        Decrypt what was sealed for the row named `bound_to`.

        Raises:
            SecretUnreadable: none of the keys opens it, or it is damaged.
            SecretMismatch: it was sealed for another row.
        """
        try:
            content = json.loads(self._all.decrypt(sealed.encode()))
        except InvalidToken:
            raise SecretUnreadable(
                f"the secret of {bound_to} cannot be opened: it is damaged, or the key that sealed it is not "
                "among the configured ones; add that key, or connect it again"
            ) from None
        if content["for"] != bound_to:
            raise SecretMismatch(
                f"the secret of {bound_to} was sealed for another row: the column was copied; connect again"
            )
        return str(content["secret"])

    def reseal(self, sealed: str, *, bound_to: str) -> str:
        """The same secret under the newest key. Raises as `open` does."""
        return self.seal(self.open(sealed, bound_to=bound_to), bound_to=bound_to)

    def is_current(self, sealed: str) -> bool:
        """Whether the newest key sealed it; the older ones may go once this holds for everything."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def hashes(self, words: str, *, bound_to: str) -> list[str]:
        """
        Keyed hashes (HMAC-SHA256, hexadecimal) by which `words` are recognised and not read, the newest key's first.

        Once a key is dropped, what it hashed is not recognised any more.
        """
        message = json.dumps({"for": bound_to, "hash": words}).encode()
        return [hmac.new(secret, message, hashlib.sha256).hexdigest() for secret in self._secrets]


def _fernet(key: SecretStr, position: int, count: int) -> Fernet:
    try:
        return Fernet(key.get_secret_value())
    except ValueError:
        raise InvalidKey(
            f"key {position} of {count} is no Fernet key (32 bytes in URL-safe base64); make one with: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from None
