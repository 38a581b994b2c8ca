"""Broker and database for one test run, in containers that testcontainers removes again."""

from typing import Any, cast

from testcontainers.core.container import DockerContainer

from devstack.containers import USER, Addresses, BrokerControl, DatabaseControl, wait_until
from devstack.engine import engine_answers, engine_sockets
from devstack.errors import BackendError
from devstack.probes import amqp_answers, database_answers
from devstack.state import State

RABBITMQ_IMAGE = "rabbitmq:4-management"
POSTGRES_IMAGE = "postgres:16"


class Disposable:
    """One container on a fixed loopback port, so that a restarted server is found where it was."""

    def __init__(self, image: str, host_name: str, ports: tuple[int, int], environment: dict[str, str]) -> None:
        inside, outside = ports
        self._container = DockerContainer(image, hostname=host_name)
        # The engine takes an address with the port; a port alone would be open to the network.
        cast(dict[str, object], self._container.ports)[f"{inside}/tcp"] = ("127.0.0.1", outside)
        for name, value in environment.items():
            self._container.with_env(name, value)
        self._started = False

    @property
    def engine_container(self) -> Any:
        """The engine's own object: kill, stop, start, exec_run."""
        return self._container.get_wrapped_container()

    def start(self) -> None:
        """Create it, or start it again after a stop or kill."""
        if self._started:
            self.engine_container.start()
        else:
            self._container.start()
            self._started = True

    def halt(self) -> None:
        """Stop it; what it holds is kept until the test run ends."""
        if self._started:
            self.engine_container.stop()


class DisposableBroker(BrokerControl):
    """RabbitMQ for one test run."""

    def __init__(self, state: State) -> None:
        self.addresses = Addresses(state)
        environment = {
            "RABBITMQ_DEFAULT_USER": USER,
            "RABBITMQ_DEFAULT_PASS": self.addresses.secrets.broker_password,
            "RABBITMQ_DEFAULT_VHOST": USER,
        }
        ports = (5672, self.addresses.ports["amqp"])
        self._server = Disposable(RABBITMQ_IMAGE, self.addresses.host_name, ports, environment)

    def start(self) -> None:
        """Start it and wait until it speaks AMQP."""
        self._server.start()
        wait_until(lambda: amqp_answers(self.amqp_url), "the RabbitMQ container")

    def stop(self) -> None:
        """Stop it in good order."""
        self._server.halt()

    def kill(self) -> None:
        """End it as a crash would."""
        self._server.engine_container.kill()

    def restart(self) -> None:
        """Stop and start, on the same port."""
        self.stop()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl inside the container."""
        code, said = self._server.engine_container.exec_run(["rabbitmqctl", *arguments])
        if code != 0:
            raise BackendError(f"rabbitmqctl {' '.join(arguments)} failed ({code}): {said.decode().strip()}")
        return str(said.decode())


class DisposableDatabase(DatabaseControl):
    """PostgreSQL for one test run."""

    def __init__(self, state: State) -> None:
        self.addresses = Addresses(state)
        environment = {
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": self.addresses.secrets.database_password,
            "POSTGRES_DB": USER,
        }
        ports = (5432, self.addresses.ports["postgres"])
        self._server = Disposable(POSTGRES_IMAGE, self.addresses.host_name, ports, environment)

    def start(self) -> None:
        """Start it and wait until it answers a query."""
        self._server.start()
        wait_until(lambda: database_answers(self.database_url), "the PostgreSQL container")

    def stop(self, mode: str = "fast") -> None:
        """Stop it. A container has one way to stop, whatever the mode."""
        self._server.halt()

    def kill(self) -> None:
        """End it as a crash would."""
        self._server.engine_container.kill()

    def restart(self) -> None:
        """Stop and start, on the same port."""
        self.stop()
        self.start()


def for_tests(state: State) -> tuple[DisposableBroker, DisposableDatabase] | None:
    """Broker and database by testcontainers; nothing where no engine answers."""
    if not engine_answers(engine_sockets()):
        return None
    return DisposableBroker(state), DisposableDatabase(state)
