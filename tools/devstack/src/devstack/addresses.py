"""Where the parts of a running stack are reached."""

from devstack.errors import DevstackError
from devstack.surroundings import Surroundings


class Addresses:
    """The addresses of one stack; each raises DevstackError before broker and database run."""

    def __init__(self) -> None:
        self._around: Surroundings | None = None

    @property
    def surroundings(self) -> Surroundings:
        """Addresses, ports and secrets; there from the moment that broker and database run."""
        if self._around is None:
            raise DevstackError("The stack has not been started.")
        return self._around

    @property
    def gateway_url(self) -> str:
        """Where Intercom calls the panel: <url>/canvas/initialize."""
        return self.surroundings.url("canvas_gateway")

    @property
    def sandbox_url(self) -> str:
        """The page, and the fakes below it."""
        return self.surroundings.url("sandbox")

    @property
    def tracker_url(self) -> str:
        """The history: <url>/v1/workspaces/…"""
        return self.surroundings.url("status_tracker")

    @property
    def webhooks_url(self) -> str:
        """Where providers call: <url>/webhooks/<provider>/<channel_id>."""
        return self.surroundings.url("webhooks")

    @property
    def operators_url(self) -> str:
        """The dispatcher's HTTP for operators."""
        return self.surroundings.url("operators")

    @property
    def amqp_url(self) -> str:
        """The broker, with user and password."""
        return self.surroundings.amqp_url

    @property
    def database_url(self) -> str:
        """The database, with user and password."""
        return self.surroundings.database_url
