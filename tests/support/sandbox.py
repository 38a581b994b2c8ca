"""The sandbox alone, or with nothing but the gateway: its pages, without broker and without the other services."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from devstack.probes import http_answer
from devstack.processes import Process
from devstack.services import SERVICES, Service, environment_of, inherited, proactivectl
from devstack.state import State
from devstack.surroundings import Surroundings
from tests.support.backends import temporary_state

READY_SECONDS = 30
NO_BROKER = "amqp://127.0.0.1:1/"


@contextmanager
def running_sandbox() -> Iterator[str]:
    """The address of a sandbox whose app does not answer."""
    with temporary_state("sandbox") as state:
        around = surroundings(state, amqp_url="")
        with running(state, around, "sandbox"):
            yield around.url("sandbox")


@contextmanager
def running_installation(database_url: str) -> Iterator[Surroundings]:
    """A gateway that no workspace is connected to so far, and the sandbox's Intercom."""
    with temporary_state("installation") as state:
        around = surroundings(state, amqp_url=NO_BROKER, database_url=database_url)
        migrate = [sys.executable, "-m", "proactivectl", "migrate"]
        subprocess.run(migrate, env=inherited() | proactivectl(around), check=True, capture_output=True)
        with running(state, around, "sandbox", "canvas_gateway"):
            yield around


def surroundings(state: State, *, amqp_url: str, database_url: str = "") -> Surroundings:
    """Ports and secrets of a state folder."""
    return Surroundings(
        amqp_url=amqp_url,
        database_url=database_url,
        ports=state.ports([port for one in SERVICES for port in one.ports.values()]),
        secrets=state.secrets(),
        sandbox_file=str(state.folder / "sandbox.json"),
    )


@contextmanager
def running(state: State, around: Surroundings, *names: str) -> Iterator[None]:
    """These services, ready; stopped afterwards."""
    with ExitStack() as started:
        for service in (one for one in SERVICES if one.name in names):
            start(state, around, service, started)
        yield


def start(state: State, around: Surroundings, service: Service, started: ExitStack) -> None:
    """Start one service, wait until it is ready, and have it stopped with `started`."""
    process = Process(
        service.name,
        [sys.executable, *service.arguments],
        env=environment_of(service, around),
        log=state.logs / f"{service.name}.log",
        pid_file=state.pids / f"{service.name}.pid",
        cwd=state.folder,
    )
    started.callback(process.stop)
    process.start()
    port, path = service.ready
    process.wait_ready(lambda: http_answer(around.url(port, path))[0] == 200, READY_SECONDS)
