"""What the environments of a stack's processes are made of."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from devstack.state import Secrets


@dataclass(frozen=True)
class Surroundings:
    """Where everything is, and the secrets."""

    amqp_url: str
    database_url: str
    ports: Mapping[str, int]
    secrets: Secrets
    sandbox_file: str
    own_servers: bool = False
    """Whether broker and database are ours, and with them the accounts there."""

    def amqp_url_of(self, login: str) -> str:
        """The broker, for one service."""
        return logged_in(self.amqp_url, login) if self.own_servers else self.amqp_url

    def database_url_of(self, login: str) -> str:
        """The database, for one service."""
        return logged_in(self.database_url, login) if self.own_servers else self.database_url

    def url(self, port: str, path: str = "") -> str:
        """The address of one of our own servers."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"


def logged_in(url: str, login: str) -> str:
    """The same server for one of devstack.logins instead of its owner."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{password_of(login, url)}@{place}"))


def password_of(login: str, url: str) -> str:
    """It follows from the owner's, so that whoever shares the server knows the same."""
    return hmac.digest((urlsplit(url).password or "").encode(), login.encode(), "sha256").hex()
