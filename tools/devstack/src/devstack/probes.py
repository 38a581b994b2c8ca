"""Looks whether something really answers, by speaking its protocol: a port that is open proves nothing."""

import asyncio
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Coroutine
from typing import TypeVar

import aiormq
import asyncpg

T = TypeVar("T")
ANSWER_SECONDS = 5.0

# It logs every refused connection, and being refused is what these probes expect.
logging.getLogger("aiormq").addHandler(logging.NullHandler())

# Our own servers are asked straight, whatever proxy the environment names.
_straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run_async(work: Coroutine[object, object, T]) -> T:
    """
    Run a coroutine to its end from anywhere, also from inside a running event loop: in a thread of its own.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def amqp_properties(url: str) -> dict[str, object]:
    """
    What the broker says of itself to whoever connects.

    Raises:
        OSError, TimeoutError, aiormq.exceptions.AMQPError: it cannot be reached, or refuses us.
    """
    async with asyncio.timeout(ANSWER_SECONDS):
        connection = await aiormq.connect(url)
        try:
            return dict(connection.server_properties)
        finally:
            await connection.close()


def amqp_trouble(url: str) -> str:
    """Why this broker cannot be used; empty where it can."""
    try:
        run_async(amqp_properties(url))
    except (OSError, TimeoutError, aiormq.exceptions.AMQPError) as error:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    return ""


def amqp_answers(url: str) -> bool:
    """Whether a client can connect to this vhost."""
    return not amqp_trouble(url)


def cluster_name(url: str) -> str:
    """The name by which a broker proves which one it is."""
    return str(run_async(amqp_properties(url)).get("cluster_name", b""))


async def select_one(url: str) -> None:
    """Connect and run the smallest query."""
    connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS)
    try:
        await connection.fetchval("SELECT 1", timeout=ANSWER_SECONDS)
    finally:
        await connection.close()


def database_trouble(url: str) -> str:
    """Why this database cannot be used; empty where it can."""
    try:
        run_async(select_one(url))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    return ""


def database_answers(url: str) -> bool:
    """Whether a client can connect to this database."""
    return not database_trouble(url)


def http_answer(url: str, seconds: float = 2.0) -> tuple[int, str]:
    """Status and body of a GET; status 0 and the reason where nothing answers."""
    try:
        with _straight.open(url, timeout=seconds) as response:
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, ValueError) as error:
        return 0, str(error)
