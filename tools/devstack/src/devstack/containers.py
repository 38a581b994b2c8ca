"""
Broker and database in containers: what compose starts for `make run`, and what that shares with the tests'.
"""

import os
import time
import urllib.parse
from collections.abc import Callable

from devstack.engine import compose_command, engine_answers, engine_sockets, run_command
from devstack.errors import BackendError
from devstack.postgres import recreate_database
from devstack.probes import amqp_answers, database_answers, run_async
from devstack.state import State, root_of_checkout

USER = "proactive"
START_SECONDS = 180


def with_database(url: str, name: str) -> str:
    """The same server and account, another database."""
    return urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(path=f"/{name}"))


def wait_until(ready: Callable[[], bool], what: str) -> None:
    """
    Wait for a container's server.

    Raises:
        BackendError: it did not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise BackendError(f"{what} was not ready after {START_SECONDS} s. See: docker logs, podman logs")
        time.sleep(0.2)


class Addresses:
    """What both kinds of container agree on: ports, passwords and names of one state folder."""

    def __init__(self, state: State) -> None:
        self.ports = state.ports(["amqp", "postgres"])
        self.secrets = state.secrets()
        self.host_name = f"proactive-{self.secrets.node_token}"

    def amqp_url(self, vhost: str) -> str:
        """One vhost of the broker."""
        quoted = urllib.parse.quote(vhost, safe="")
        return f"amqp://{USER}:{self.secrets.broker_password}@127.0.0.1:{self.ports['amqp']}/{quoted}"

    def database_url(self, name: str) -> str:
        """One database of the server."""
        return f"postgresql://{USER}:{self.secrets.database_password}@127.0.0.1:{self.ports['postgres']}/{name}"


class Compose:
    """deploy/backends.yaml under a project name of this state folder's own."""

    def __init__(self, state: State, command: list[str]) -> None:
        self.addresses = Addresses(state)
        self.file = root_of_checkout() / "deploy" / "backends.yaml"
        self._command = command
        (state.folder / "containers").write_text(" ".join(command) + "\n")

    def __call__(self, *arguments: str) -> str:
        """Run one compose command."""
        addresses = self.addresses
        environment = {
            **os.environ,
            "PROACTIVE_AMQP_PORT": str(addresses.ports["amqp"]),
            "PROACTIVE_POSTGRES_PORT": str(addresses.ports["postgres"]),
            "PROACTIVE_BROKER_PASSWORD": addresses.secrets.broker_password,
            "PROACTIVE_DATABASE_PASSWORD": addresses.secrets.database_password,
            "PROACTIVE_BROKER_HOST_NAME": addresses.host_name,
        }
        project = ["-p", addresses.host_name, "-f", str(self.file)]
        return run_command([*self._command, *project, *arguments], environment)


class BrokerControl:
    """What is the same for a broker in any container."""

    addresses: Addresses

    @property
    def amqp_url(self) -> str:
        """The stack's own vhost."""
        return self.addresses.amqp_url(USER)

    @property
    def cluster_name(self) -> str:
        """The node's name: its container's host name is unique to the state folder."""
        return f"rabbit@{self.addresses.host_name}"

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl inside the container."""
        raise NotImplementedError

    def create_vhost(self, name: str) -> str:
        """Make an empty vhost and return its address."""
        if name in self.ctl("list_vhosts", "--quiet", "--no-table-headers").split():
            self.ctl("delete_vhost", name)
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "-p", name, USER, ".*", ".*", ".*")
        return self.addresses.amqp_url(name)


class DatabaseControl:
    """What is the same for a database in any container."""

    addresses: Addresses

    @property
    def database_url(self) -> str:
        """The stack's own database."""
        return self.addresses.database_url(USER)

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        run_async(recreate_database(self.database_url, name))
        return self.addresses.database_url(name)


class ComposeBroker(BrokerControl):
    """RabbitMQ in compose."""

    def __init__(self, compose: Compose) -> None:
        self.addresses = compose.addresses
        self._compose = compose

    def start(self) -> None:
        """Start it and wait until it speaks AMQP."""
        self._compose("up", "--detach", "rabbitmq")
        wait_until(lambda: amqp_answers(self.amqp_url), "the RabbitMQ container")

    def stop(self) -> None:
        """Stop it; its volume is kept."""
        self._compose("stop", "rabbitmq")

    def kill(self) -> None:
        """End it as a crash would."""
        self._compose("kill", "rabbitmq")

    def restart(self) -> None:
        """Stop and start, on the same port."""
        self.stop()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl inside the container."""
        return self._compose("exec", "--no-TTY", "rabbitmq", "rabbitmqctl", *arguments)


class ComposeDatabase(DatabaseControl):
    """PostgreSQL in compose."""

    def __init__(self, compose: Compose) -> None:
        self.addresses = compose.addresses
        self._compose = compose

    def start(self) -> None:
        """Start it and wait until it answers a query."""
        self._compose("up", "--detach", "postgres")
        wait_until(lambda: database_answers(self.database_url), "the PostgreSQL container")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; its volume is kept. A container has one way to stop, whatever the mode."""
        self._compose("stop", "postgres")

    def kill(self) -> None:
        """End it as a crash would."""
        self._compose("kill", "postgres")

    def restart(self) -> None:
        """Stop and start, on the same port."""
        self.stop()
        self.start()


def forget(state: State) -> None:
    """Remove the containers and volumes that this state folder had."""
    marker = state.folder / "containers"
    if marker.exists():
        Compose(state, marker.read_text().split())("down", "--volumes")


def for_run(state: State) -> tuple[ComposeBroker, ComposeDatabase] | None:
    """Broker and database by compose; nothing where no engine answers or compose is missing."""
    if not engine_answers(engine_sockets()):
        return None
    command = compose_command()
    if command is None:
        return None
    compose = Compose(state, command)
    return ComposeBroker(compose), ComposeDatabase(compose)
