"""
The whole of Proactive on this machine: broker, database, sandbox and services, as `make run` starts them.
"""

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devstack.accounts import write_private
from devstack.addresses import Addresses
from devstack.backends import OWNER, Backends, External, Purpose, choose
from devstack.channels import channels_file
from devstack.errors import DevstackError, ProcessFailed
from devstack.logins import accounts_file, import_users
from devstack.probes import http_answer
from devstack.processes import Process, launcher, stop_leftovers
from devstack.progress import Progress
from devstack.services import SERVICES, Service, environment_of, inherited, proactivectl
from devstack.state import State
from devstack.surroundings import Surroundings

READY_SECONDS = 60
STOP_SECONDS = 20
TOOL_SECONDS = 120


class Stack(Addresses):
    """
    One stack on one state folder.

    Everything here blocks; from async code call it through `asyncio.to_thread`. overrides changes the
    environment of single processes by name, such as {"dispatcher-sms": {"PROACTIVE_LEASE_SECONDS": "3"}}.
    The names are those of services.SERVICES. Used as a context manager it starts on entry and stops on exit;
    the caller holds the folder's lock (State.lock) where two could meet.
    """

    def __init__(
        self,
        folder: Path,
        *,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        progress: Progress | None = None,
        backends: Backends | None = None,
        services: Sequence[Service] = SERVICES,
        purpose: Purpose = "run",
    ) -> None:
        super().__init__()
        self.state = State(folder)
        self._overrides = {name: dict(changes) for name, changes in (overrides or {}).items()}
        self._progress = progress or Progress()
        self._purpose: Purpose = purpose
        self._backends = backends
        self._services = {service.name: service for service in services}
        self._processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def backends(self) -> Backends:
        """Broker and database, with their control."""
        if self._backends is None:
            raise DevstackError("The stack has not been started.")
        return self._backends

    def start(self) -> None:
        """
        Start everything that does not run yet and wait until it is ready.

        Where anything fails, or Ctrl-C comes, what was started is stopped before the error goes on.
        """
        try:
            self.start_backends()
            self.set_up()
            self.start_services()
        except BaseException:
            self.stop()
            raise

    def start_backends(self) -> None:
        """Clear what a crashed run left, then start broker and database."""
        self.state.prepare()
        if self._around is None:
            for name in stop_leftovers(self.state.pids):
                self._progress.say(f"  stopped {name}, left over from a run that crashed")
        if self._backends is None:
            self._backends = choose(self.state, purpose=self._purpose, report=self._progress.say)
        with self._progress.stage(f"PostgreSQL ({self._backends.database_kind})"):
            self._backends.database.start()
        with self._progress.stage(f"RabbitMQ ({self._backends.broker_kind})"):
            self._backends.broker.start()
        names = [port for service in self._services.values() for port in service.ports.values()]
        self._around = Surroundings(
            amqp_url=self._backends.broker.amqp_url,
            database_url=self._backends.database.database_url,
            ports=self.state.ports(names),
            secrets=self.state.secrets(),
            sandbox_file=str(self.state.folder / "sandbox.json"),
            own_servers=not any(
                isinstance(server, External) for server in (self._backends.broker, self._backends.database)
            ),
        )

    def set_up(self) -> None:
        """Migrations, topology, accounts, and the sandbox's workspace and channels: each may be run again."""
        channels = self.state.folder / "channels.yaml"
        write_private(channels, channels_file(self.surroundings))
        write_private(self.state.folder / "env", self._environment_file())
        own = self.surroundings.own_servers
        with self._progress.stage("migrations"):
            self.proactivectl("migrate", *self._accounts("database", self.surroundings.database_url) if own else ())
        with self._progress.stage("topology"):
            self.proactivectl("topology", "apply")
            if own:
                users = self._accounts("broker", self.surroundings.amqp_url)
                import_users(self.backends.broker, self.proactivectl("topology", "users", *users))
        with self._progress.stage("workspace and channels"):
            self.proactivectl("apply", "-f", str(channels))

    def _accounts(self, server: str, url: str) -> tuple[str, str]:
        return "--accounts", str(accounts_file(self.state.folder / f"{server}-accounts", url))

    def start_services(self) -> None:
        """Start all services, then wait for each of them."""
        for name in self._services:
            self._launch(name)
        for name in self._services:
            with self._progress.stage(name):
                self.wait_ready(name)

    def stop(self) -> None:
        """Stop the services, then broker and database. May be called at any time, and twice."""
        running = [process for process in self._processes.values() if process.running]
        for process in running:
            process.ask_to_stop()
        for process in self._processes.values():
            process.stop(STOP_SECONDS)
        if self._backends:
            with contextlib.ExitStack() as steps:  # each of them, whatever the other says
                steps.callback(self._backends.database.stop)
                steps.callback(self._backends.broker.stop)

    def env_of(self, name: str) -> dict[str, str]:
        """The whole environment of a service, or of `proactivectl`, with its overrides."""
        if name in self._services:
            own = environment_of(self._services[name], self.surroundings)
        else:
            own = inherited() | proactivectl(self.surroundings)
        return own | self._overrides.get(name, {})

    def process(self, name: str) -> Process:
        """The process of a service: pid, exit code, log."""
        return self._processes[name]

    @property
    def names(self) -> list[str]:
        """The services' names, in the order of their start."""
        return list(self._services)

    def started_processes(self) -> list[Process]:
        """Every process of ours that was started, those of broker and database too where they are ours."""
        servers = [self._backends.broker, self._backends.database] if self._backends else []
        private = [process for server in servers for process in getattr(server, "processes", [])]
        return [*self._processes.values(), *(process for process in private if process.pid)]

    def kill(self, name: str) -> None:
        """End a service as a crash would."""
        self.process(name).kill()

    def stop_service(self, name: str) -> None:
        """Stop one service in good order."""
        self.process(name).stop(STOP_SECONDS)

    def start_service(self, name: str, extra_env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start one service again, with these variables on top; they are forgotten at its next start."""
        self._launch(name, extra_env)
        if wait:
            self.wait_ready(name)

    def restart(self, name: str, extra_env: Mapping[str, str] | None = None) -> None:
        """Stop one service, start it with these variables on top, wait until it is ready."""
        self.stop_service(name)
        self.start_service(name, extra_env)

    def wait_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """
        Wait for a service's readiness.

        Raises:
            ProcessFailed: it ended, or was not ready in time; with what it says it misses and the end of its
            log.
        """
        last = (0, "")

        def ready() -> bool:
            nonlocal last
            last = self.readiness(name)
            return last[0] == 200

        try:
            self.process(name).wait_ready(ready, seconds)
        except ProcessFailed as error:
            said = f"\n  Its /readyz said {last[0]}: {last[1][:600]}" if last[0] else ""
            raise ProcessFailed(f"{error}{said}") from None

    def readiness(self, name: str) -> tuple[int, str]:
        """What a service's readiness answers right now: status (0: nothing answers) and body."""
        port, path = self._services[name].ready
        return http_answer(self.surroundings.url(port, path))

    def proactivectl(self, *arguments: str, seconds: float = TOOL_SECONDS) -> str:
        """
        Run proactivectl against this stack and return what it printed.

        Raises:
            ProcessFailed: it failed, or did not end in time.
        """
        return self.run_module("proactivectl", *arguments, seconds=seconds)

    def run_module(self, module: str, *arguments: str, seconds: float) -> str:
        """Run `python -m <module>` to its end with proactivectl's environment."""
        shown = " ".join((module, *arguments))
        try:
            done = subprocess.run(
                [*launcher(None), sys.executable, "-m", module, *arguments],
                env=self.env_of("proactivectl"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"{shown} did not end within {seconds:.0f} s.") from None
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-3000:]
            raise ProcessFailed(f"{shown} ended with exit code {done.returncode}:\n{said}")
        return done.stdout

    def _launch(self, name: str, extra_env: Mapping[str, str] | None = None) -> None:
        process = Process(
            name,
            [sys.executable, *self._services[name].arguments],
            env=self.env_of(name) | dict(extra_env or {}),
            log=self.state.logs / f"{name}.log",
            pid_file=self.state.pids / f"{name}.pid",
            cwd=self.state.folder,
        )
        if name in self._processes:
            self._processes[name].kill()
        self._processes[name] = process
        process.start()

    def _environment_file(self) -> str:
        """For `. .dev/run/env`, after which proactivectl works by hand."""
        wanted = self.env_of("proactivectl")
        ours = {name: value for name, value in wanted.items() if name not in ("PATH", "HOME", "PYTHONUNBUFFERED")}
        ours[OWNER] = str(self.state.folder)
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(ours.items()))
