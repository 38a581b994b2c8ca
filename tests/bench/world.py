"""The world of a run: a private broker and database, the fake provider, and the processes that are measured."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

import aiormq
import asyncpg

from devstack.backends import choose
from devstack.errors import DevstackError
from devstack.postgres import Postgres
from devstack.probes import run_async
from devstack.progress import Progress, Silent
from devstack.rabbitmq import RabbitMQ
from devstack.stack import Stack
from devstack.state import State, root_of_checkout
from tests.bench.contestants import OUTCOME, PEERS, Contestant, services, settings_of
from tests.bench.counters import Counters
from tests.bench.usage import Usage, usage

CONSUMING_SECONDS = 30
Settings = Mapping[str, Mapping[str, str]]


class World:
    """
    A context manager. The database is durable, and tells when each transaction was committed.

    `watched`: the broker has its management plugin, and the provider notes the id of each message.
    """

    def __init__(self, state: State, progress: Progress | None = None, *, watched: bool = False) -> None:
        self._progress = progress or Silent()
        backends = choose(
            state, purpose="run", report=self._progress.say, environment={"PROACTIVE_BACKENDS": "private"}
        )
        if watched:
            backends = replace(backends, broker=RabbitMQ(state, management=True))
        assert isinstance(backends.broker, RabbitMQ)
        assert isinstance(backends.database, Postgres)
        self.broker, self.database = backends.broker, backends.database
        self.counters = Counters(state.folder / "counters")
        self.ledger = state.folder / "ledger"
        self._started = ExitStack()
        self._launched: set[str] = set()
        self.stack = Stack(
            state.folder,
            overrides={
                "provider": {
                    "COUNTERS": str(state.folder / "counters"),
                    "LEDGER": str(self.ledger) if watched else "",
                },
                "sandbox": {"SANDBOX_STATE_FILE": "", "SANDBOX_AMQP_URL": ""},
            },
            progress=self._progress,
            backends=backends,
            services=services(),
        )

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self.stack.stop)
            self.stack.start_backends()
            run_async(_execute(self.database.database_url, "ALTER SYSTEM SET track_commit_timestamp = on"))
            self.database.restart()
            self.stack.set_up()
            run_async(_execute(self.database.create_database(PEERS[0].database), OUTCOME))
            self.launch("provider", {})
            self.stack.wait_ready("provider")
            self._started = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def database_of(self, contestant: Contestant) -> str:
        """Where it writes."""
        return self.database.url_of(contestant.database)

    # Processes

    def start(self, contestant: Contestant, settings: Settings | None = None) -> None:
        """Start its processes with these variables on top and wait until they consume."""
        names = [*contestant.dispatchers, *contestant.trackers]
        database = {"DATABASE_URL": self.database_of(contestant)}
        for name in names:
            self.launch(name, {**database, **(settings or {}).get(name, {})})
        if contestant not in PEERS:
            for name in names:
                self.stack.wait_ready(name)
        run_async(self._await_consumers(contestant.queues))

    def stop(self, contestant: Contestant) -> None:
        """Stop those of its processes that were started, in good order."""
        names = [name for name in (*contestant.dispatchers, *contestant.trackers) if name in self._launched]
        for name in names:
            self.stack.process(name).ask_to_stop()
        for name in names:
            self.stack.stop_service(name)

    def start_service(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        """Start one more of ours, and wait until it is ready."""
        self.launch(name, settings or {})
        self.stack.wait_ready(name)

    def stop_service(self, name: str) -> None:
        """Stop it in good order."""
        self.stack.stop_service(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Have the database's server do something, in one of its databases."""
        run_async(_execute(self.database.url_of(database), statement))

    def purge(self, queue: str) -> None:
        """Empty a queue."""
        run_async(_purge(self.broker.amqp_url, queue))

    def forget(self, contestant: Contestant) -> None:
        """Empty what it wrote."""
        self.execute(contestant.forget, contestant.database)

    def usage(self, contestant: Contestant, without: Iterable[int] = ()) -> Usage:
        """What everybody has used since they began."""
        groups = {
            "dispatcher": self._pids(contestant.dispatchers),
            "tracker": self._pids(contestant.trackers),
            "broker": [process.pid for process in self.broker.processes if process.pid],
            "database": [process.pid for process in self.database.processes if process.pid],
            "provider": self._pids(("provider",)),
        }
        return usage(groups, without)

    def check(self, contestant: Contestant) -> None:
        """
        See that its processes are there.

        Raises:
            DevstackError: one has ended; with the end of its log.
        """
        for name in (*contestant.dispatchers, *contestant.trackers, "provider"):
            process = self.stack.process(name)
            if not process.running:
                raise DevstackError(f"{name} ended with {process.exit_code}.\n{process.log_tail()}")

    def _pids(self, names: Iterable[str]) -> list[int]:
        return [pid for name in names if (pid := self.stack.process(name).pid)]

    def launch(self, name: str, settings: Mapping[str, str]) -> None:
        """Start one of its processes with these variables on top, and wait for nothing."""
        self._launched.add(name)
        paths = {"PYTHONPATH": str(root_of_checkout())}
        self.stack.start_service(name, {**paths, **settings_of(name), **settings}, wait=False)

    async def _await_consumers(self, queues: Iterable[str]) -> None:
        """Somebody consumes each queue: what a peer has in place of a readiness."""
        ends = time.monotonic() + CONSUMING_SECONDS
        connection = await aiormq.connect(self.broker.amqp_url)
        try:
            for name in queues:
                while not await _consumers(connection, name):
                    if time.monotonic() > ends:
                        raise DevstackError(f"Nobody consumes {name} after {CONSUMING_SECONDS} s.")
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()


async def _consumers(connection: aiormq.abc.AbstractConnection, queue: str) -> int:
    channel = await connection.channel()  # a passive declaration that fails closes its channel
    try:
        declared = await channel.queue_declare(queue, passive=True)
    except aiormq.exceptions.ChannelNotFoundEntity:
        return 0
    await channel.close()
    return declared.consumer_count or 0


async def _purge(url: str, queue: str) -> None:
    connection = await aiormq.connect(url)
    try:
        await (await connection.channel()).queue_purge(queue)
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, timeout=3600)
    finally:
        await connection.close()
