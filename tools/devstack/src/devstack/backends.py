"""
Decides where broker and database come from.

In this order: addresses in the environment (use them, start nothing), a container engine that answers,
private processes. PROACTIVE_BACKENDS=private or =containers leaves out the other.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from devstack import containers, disposable
from devstack.errors import BackendError
from devstack.postgres import Postgres, recreate_database
from devstack.probes import amqp_trouble, cluster_name, database_trouble, run_async
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_install import ensure_rabbitmq
from devstack.state import State

Purpose = Literal["run", "tests"]
Report = Callable[[str], None]


class Broker(Protocol):
    """A broker that can be used, and mistreated where it is ours."""

    @property
    def amqp_url(self) -> str:
        """The stack's own vhost."""

    @property
    def cluster_name(self) -> str:
        """What the broker must call itself when reached through amqp_url."""

    def start(self) -> None:
        """Start it and wait until it speaks AMQP."""

    def stop(self) -> None:
        """Stop it in good order; what it holds is kept."""

    def kill(self) -> None:
        """End it as a crash would."""

    def restart(self) -> None:
        """Stop and start, on the same port."""

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl and return what it printed."""

    def create_vhost(self, name: str) -> str:
        """Make an empty vhost and return its address."""


class Database(Protocol):
    """A database server that can be used, and mistreated where it is ours."""

    @property
    def database_url(self) -> str:
        """The stack's own database."""

    def start(self) -> None:
        """Start it and wait until it answers a query."""

    def stop(self, mode: str = "fast") -> None:
        """Stop it: smart, fast or immediate."""

    def kill(self) -> None:
        """End it as a crash would."""

    def restart(self) -> None:
        """Stop and start, on the same port."""

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address."""


@dataclass(frozen=True)
class Backends:
    """What was chosen, and its name for people."""

    broker: Broker
    database: Database
    broker_kind: str
    database_kind: str


OWNER = "PROACTIVE_STACK"
"""Set by a stack's env file to its folder: what that shell starts must not take the stack's servers for its own."""


class External:
    """Somebody's server, which is used as it is."""


class ExternalBroker(External):
    """Somebody's broker, named by AMQP_URL: used as it is."""

    def __init__(self, url: str) -> None:
        self.amqp_url = url
        self.cluster_name = ""

    def start(self) -> None:
        """Reach it, and learn its name."""
        trouble = amqp_trouble(self.amqp_url)
        if trouble:
            raise BackendError(f"AMQP_URL is set, but that broker cannot be used: {trouble}. Correct or unset it.")
        self.cluster_name = cluster_name(self.amqp_url)

    def stop(self) -> None:
        """Not ours to stop."""

    def kill(self) -> None:
        """Not ours to kill."""
        raise BackendError("AMQP_URL names somebody's broker; devstack does not kill it. Unset AMQP_URL for that.")

    def restart(self) -> None:
        """Not ours to restart."""
        self.kill()

    def ctl(self, *arguments: str) -> str:
        """Not ours to control."""
        raise BackendError(f"AMQP_URL names somebody's broker; devstack cannot run rabbitmqctl {' '.join(arguments)}.")

    def create_vhost(self, name: str) -> str:
        """The one vhost that we were given: the name makes no difference."""
        return self.amqp_url


class ExternalDatabase(External):
    """Somebody's database server, named by DATABASE_URL: used as it is."""

    def __init__(self, url: str) -> None:
        self.database_url = url

    def start(self) -> None:
        """Reach it."""
        trouble = database_trouble(self.database_url)
        if trouble:
            raise BackendError(f"DATABASE_URL is set, but cannot be used: {trouble}. Correct or unset it.")

    def stop(self, mode: str = "fast") -> None:
        """Not ours to stop."""

    def kill(self) -> None:
        """Not ours to kill."""
        raise BackendError("DATABASE_URL names somebody's server; devstack does not kill it. Unset it for that.")

    def restart(self) -> None:
        """Not ours to restart."""
        self.kill()

    def create_database(self, name: str) -> str:
        """A database beside the given one: its account needs CREATEDB."""
        run_async(recreate_database(self.database_url, name))
        return containers.with_database(self.database_url, name)


def choose(
    state: State,
    *,
    purpose: Purpose,
    report: Report,
    environment: Mapping[str, str] = os.environ,
) -> Backends:
    """
    Pick broker and database; nothing is started yet, but what is missing is installed where that is ours to
    do.

    Raises:
        BackendError: there is no way here to have one; the text has the one command to run.
    """
    if owner := environment.get(OWNER):
        raise BackendError(
            f"This shell holds the addresses of the stack in {owner} (from its file env), and another stack must not "
            f"work on that. Open a new shell, or run: unset AMQP_URL DATABASE_URL {OWNER}"
        )
    amqp_url, database_url = environment.get("AMQP_URL", ""), environment.get("DATABASE_URL", "")
    if amqp_url and database_url:
        return Backends(ExternalBroker(amqp_url), ExternalDatabase(database_url), "AMQP_URL", "DATABASE_URL")
    own = choose_own(state, purpose, report, environment.get("PROACTIVE_BACKENDS", ""), broker_needed=not amqp_url)
    if amqp_url:
        return Backends(ExternalBroker(amqp_url), own.database, "AMQP_URL", own.database_kind)
    if database_url:
        return Backends(own.broker, ExternalDatabase(database_url), own.broker_kind, "DATABASE_URL")
    return own


def choose_own(state: State, purpose: Purpose, report: Report, wanted: str, *, broker_needed: bool) -> Backends:
    """Containers where an engine answers, private processes otherwise."""
    if wanted not in ("", "containers", "private"):
        raise BackendError(f"PROACTIVE_BACKENDS is {wanted!r}. Use containers or private, or unset it.")
    if wanted != "private":
        found = containers.for_run(state) if purpose == "run" else disposable.for_tests(state)
        if found:
            return Backends(found[0], found[1], "container", "container")
        if wanted == "containers":
            raise BackendError("PROACTIVE_BACKENDS=containers, but no container engine answers (or it has no compose).")
    broker = RabbitMQ(state, scripts=ensure_rabbitmq(report)) if broker_needed else ExternalBroker("")
    return Backends(broker, Postgres(state, durable=purpose == "run"), "private node", "private server")
