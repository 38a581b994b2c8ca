"""The connection pool to PostgreSQL."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from runtime import metrics
from runtime.logs import get_logger

if TYPE_CHECKING:  # asyncpg's classes take type arguments in its stubs only
    Record: TypeAlias = asyncpg.Record
    Pool: TypeAlias = asyncpg.Pool[Record]
    Connection: TypeAlias = asyncpg.Connection[Record] | asyncpg.pool.PoolConnectionProxy[Record]
else:
    Record, Pool, Connection = asyncpg.Record, asyncpg.Pool, asyncpg.Connection

TROUBLE: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors that mean "not now", as opposed to a wrong statement or a wrong value."""

UNPREPARED: tuple[type[Exception], ...] = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
)
"""The database is not as this release needs it; never the fault of an event."""

STATEMENT_SECONDS = 10.0

IDLE_IN_TRANSACTION_MILLISECONDS = 15_000
"""A process that was frozen in the middle of a transaction loses it, and its locks, after this."""

_BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}
"""
Hash and merge joins would read an index as a whole instead. The JIT compiler starts above a cost, which a scan that
is switched off and still needed would reach.
"""

_WAIT_FOR: tuple[type[Exception], ...] = (*TROUBLE, *UNPREPARED)

Result = TypeVar("Result")

log = get_logger()


@asynccontextmanager
async def pool(database_url: str, *, application: str, size: int = 10, by_index: bool = False) -> AsyncIterator[Pool]:
    """
    A pool whose jsonb columns are Python values; waits, with growing pauses, until the database answers.

    `by_index`: no table is read as a whole where an index serves. Plans are kept: one that was made for an empty table
    would read all of it while it grows, until PostgreSQL analyzes it, a minute later.
    """
    connections = await _first_answer(database_url, application, size, _BY_INDEX if by_index else {})
    metrics.watch(connections)
    try:
        yield connections
    finally:
        try:
            async with asyncio.timeout(5):
                await connections.close()
        except TimeoutError:
            connections.terminate()


async def insist(call: Callable[[], Awaitable[Result]], what: str) -> Result:
    """Repeat `call`, with growing pauses, while the database is in TROUBLE or not migrated; logs call it `what`."""
    pause = 0.1
    while True:
        try:
            return await call()
        except _WAIT_FOR as error:
            log.warning("database_awaited", waiting=what, error=type(error).__name__)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(5.0, pause * 2)


async def _first_answer(database_url: str, application: str, size: int, settings: Mapping[str, str]) -> Pool:
    def create() -> Awaitable[Pool]:
        return asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=size,
            timeout=5,
            command_timeout=STATEMENT_SECONDS,
            init=_prepare,
            reset=_leave,
            server_settings={
                "application_name": application,
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
                **settings,
            },
        )

    return await insist(create, "start")


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _leave(_connection: Connection) -> None:
    """Nothing is set on a connection that the next user would have to be spared: asyncpg's reset is a round trip."""
