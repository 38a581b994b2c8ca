"""What the environments of a stack's processes are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from devstack.state import Secrets


@dataclass(frozen=True)
class Surroundings:
    """Where everything is, and the secrets."""

    amqp_url: str
    database_url: str
    ports: Mapping[str, int]
    secrets: Secrets
    sandbox_file: str

    def url(self, port: str, path: str = "") -> str:
        """The address of one of our own servers."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"
