"""A second PostgreSQL that follows the first one and takes its place."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.probes import database_answers
from devstack.processes import Process, launcher
from tests.chaos import observed
from tests.chaos.proxy import Proxy, address_of, through
from tests.chaos.world import World

READY_SECONDS = 30


class Replica:
    """A streaming replica; `wire` is what its stream comes through. Once it took over, the world is spent."""

    def __init__(self, world: World, wire: Proxy, process: Process, url: str) -> None:
        self._world = world
        self._wire = wire
        self._process = process
        self.url = url

    def lag(self) -> None:
        """From now on nothing reaches it."""
        self._wire.refuse()

    def take_over(self) -> None:
        """The primary dies, the replica is promoted, and every wire leads to it."""
        self._world.retired = True
        self._world.database.kill()
        self._world.database_url = self.url
        observed.query(self._world, ("SELECT pg_promote()",))
        for wire in self._world.databases:
            wire.switch(address_of(self.url))


@contextmanager
def replica_of(world: World, *, synchronous: bool) -> Iterator[Replica]:
    """Copy the database and follow it; synchronous: no commit of the primary returns before the replica has it."""
    [primary] = world.database.processes
    home = world.state.server_home("replica")
    ports = world.state.ports(["replica", "proxy replica"])
    wire = world.network.open(ports["proxy replica"], address_of(world.database_url))
    copy(world, primary, home / "data", through(world.database_url, wire))
    command = list(primary.command)
    command[command.index("-D") + 1] = str(home / "data")
    process = Process(
        "replica",
        [*command, "-c", f"port={ports['replica']}"],
        env=primary.env,
        log=world.state.logs / "replica.log",
        pid_file=world.state.pids / "replica.pid",
        cwd=home,
        account=world.state.account,
        stop_signal=signal.SIGINT,
    )
    host, port = address_of(world.database_url)
    url = world.database_url.replace(f"@{host}:{port}/", f"@{host}:{ports['replica']}/")
    process.start()
    try:
        process.wait_ready(lambda: database_answers(url), READY_SECONDS)
        if synchronous:
            observed.query(world, ("ALTER SYSTEM SET synchronous_standby_names = '*'",))
            observed.query(world, ("SELECT pg_reload_conf()",))
        yield Replica(world, wire, process, url)
    finally:
        if not world.retired:
            observed.query(world, ("ALTER SYSTEM RESET synchronous_standby_names",))
            observed.query(world, ("SELECT pg_reload_conf()",))
            process.stop()


def copy(world: World, primary: Process, data: Path, url: str) -> None:
    """pg_basebackup, which also writes down where the copy is to follow from."""
    program = Path(primary.command[0]).with_name("pg_basebackup")
    done = subprocess.run(
        [*launcher(world.state.account), str(program), "-D", str(data), "-R", "-X", "stream", "-c", "fast", "-d", url],
        env=primary.env,
        cwd=data.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"pg_basebackup failed: {done.stderr[-500:]}"
