"""One connection that is made anew, with everything on it, after every loss."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Self

import aio_pika
import aiormq
from aio_pika.abc import AbstractConnection
from yarl import URL

from runtime.amqp.wire import Wire
from runtime.logs import get_logger

HEARTBEAT_SECONDS = 10
"""A peer that went silent is noticed after three of these; aio-pika's default of 60 would take three minutes."""

CONNECT_SECONDS = 5.0

AMQP_ERRORS: tuple[type[Exception], ...] = (aiormq.AMQPError, OSError, TimeoutError, RuntimeError)
"""What aio-pika raises when the broker or the connection is in trouble; RuntimeError: used after a close."""


log = get_logger()


class Connection(aio_pika.Connection):
    """The client's, with a way past it for what there is much of."""

    def __init__(self, address: URL, name: str) -> None:
        super().__init__(address, client_properties={"connection_name": name})
        self.wire = Wire()
        self.kwargs["transport_factory"] = self.wire


async def connect(url: str, name: str) -> Connection:
    """Open a connection whose name operators see in the broker's lists."""
    address = URL(url).update_query(heartbeat=HEARTBEAT_SECONDS)
    connection = Connection(address, name)
    try:
        async with asyncio.timeout(CONNECT_SECONDS * 2):
            await connection.connect(timeout=CONNECT_SECONDS)
    except BaseException:
        await connection.close()  # else its finalizer tries to, at a moment without an event loop
        raise
    return connection


@contextmanager
def loss_as_error() -> Iterator[None]:
    """
    Turn a cancellation that comes from a lost channel into a ConnectionError.

    The client cancels what waits on a channel when that is closed. Taken for a cancellation of ours, it would end the
    waiting task for good.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling() > 0:
            raise
        raise ConnectionError("the channel was lost") from error


async def end(task: "asyncio.Task[None]") -> None:
    """Cancel until it is over: the client swallows a cancellation that meets a channel while it is being closed."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=4)


Session = Callable[[Connection], Awaitable[None]]


class Link:
    """
    Runs `session` on a connection, and again on a new one after every loss, with jittered pauses.

    A session opens its own channels and returns, or raises, when one of them is gone. Nothing is restored behind its
    back, so there is no half-restored state to look for.
    """

    def __init__(self, url: str, name: str, session: Session) -> None:
        self._url = url
        self._name = name
        self._session = session
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name=f"amqp {self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await end(self._task)

    async def _keep(self) -> None:
        pause = 0.2
        while True:
            began = asyncio.get_running_loop().time()
            try:
                with loss_as_error():
                    await self._once()
                log.warning("broker_session_ended", connection=self._name)
            except AMQP_ERRORS as error:
                log.warning("broker_lost", connection=self._name, error=type(error).__name__, detail=str(error)[:200])
            except Exception:
                log.exception("broker_session_failed", connection=self._name)
            lasted = asyncio.get_running_loop().time() - began
            pause = 0.2 if lasted > 10 else min(5.0, pause * 2)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))

    async def _once(self) -> None:
        connection = await connect(self._url, self._name)
        try:
            log.info("broker_connected", connection=self._name)
            await self._session(connection)
        finally:
            await _close(connection)


async def _close(connection: AbstractConnection) -> None:
    try:
        with loss_as_error():
            async with asyncio.timeout(3):
                await connection.close()
    except AMQP_ERRORS:
        pass
