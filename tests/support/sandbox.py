"""The sandbox alone: its page, without broker, database and services."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.probes import http_answer
from devstack.processes import Process
from devstack.services import SERVICES, environment_of
from devstack.surroundings import Surroundings
from tests.support.backends import temporary_state

READY_SECONDS = 30


@contextmanager
def running_sandbox() -> Iterator[str]:
    """The address of a sandbox whose app does not answer."""
    service = next(one for one in SERVICES if one.name == "sandbox")
    with temporary_state("sandbox") as state:
        around = Surroundings(
            amqp_url="",
            database_url="",
            ports=state.ports([port for one in SERVICES for port in one.ports.values()]),
            secrets=state.secrets(),
            sandbox_file=str(state.folder / "sandbox.json"),
        )
        process = Process(
            service.name,
            [sys.executable, *service.arguments],
            env=environment_of(service, around),
            log=state.logs / "sandbox.log",
            pid_file=state.pids / "sandbox.pid",
            cwd=state.folder,
        )
        url = around.url("sandbox")
        process.start()
        try:
            process.wait_ready(lambda: http_answer(f"{url}/")[0] == 200, READY_SECONDS)
            yield url
        finally:
            process.stop()
