"""Publishing with a definite answer: the broker has it, it reached nobody, or nobody knows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self
from weakref import WeakValueDictionary

import aiormq
from aio_pika.abc import AbstractConnection

from proactive_contracts.codec import Properties, encode, properties_of
from proactive_contracts.envelope import Event
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.topology import address
from proactive_contracts.values import Lane
from runtime.amqp.connection import AMQP_ERRORS, Link, loss_as_error


class PublishFailed(Exception):
    """
    The broker did not confirm a message.

        PublishFailed
        ├── Unroutable        it came back: this publish reached no queue
        └── Unconfirmed       a time-out, a nack or a lost channel: it may have been taken
            └── NotPublished  no connection: it never left this process
    """


class Unroutable(PublishFailed):
    """It came back: this publish reached no queue."""


class Unconfirmed(PublishFailed):
    """It may have been taken: publish the same event again, its receivers take it once."""


class NotPublished(Unconfirmed):
    """There is no connection: it never left this process."""


class Publisher:
    """One publish-only connection; it may be used before the broker is there and after it went away."""

    def __init__(self, url: str, name: str) -> None:
        self._link = Link(url, f"{name}.publisher", self._session)
        self._channel: aiormq.Channel | None = None
        self._opened = asyncio.Event()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.__aexit__()

    @property
    def connected(self) -> bool:
        """Whether a publish would leave at once."""
        return self._channel is not None and not self._channel.is_closed

    async def check(self) -> str | None:
        """For readiness."""
        return None if self.connected else "no connection to the broker"

    async def send(
        self,
        event: Event[Any],
        *,
        lane: Lane = Lane.INTERACTIVE,
        result_route: str | None = None,
        timeout: float = 5,
    ) -> None:
        """Publish an event where the contract says; only a MessageStatusChanged may reach nobody."""
        exchange, key = address(event, lane)
        await self.publish(
            exchange,
            key,
            encode(event),
            properties_of(event),
            mandatory=not isinstance(event.data, MessageStatusChanged),
            cc=[result_route] if result_route else [],
            timeout=timeout,
        )

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: Properties,
        *,
        mandatory: bool = True,
        cc: Sequence[str] = (),
        timeout: float = 5,
    ) -> None:
        """
        Return once the broker confirmed it; `timeout` is in seconds and covers everything, `cc` adds routing keys.

        Raises:
            Unroutable: it reached no queue.
            Unconfirmed: it may have been taken.
            NotPublished: it never left.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        async with self._turn(properties.message_id, deadline):
            channel = await self._usable(deadline)
            try:
                with loss_as_error():
                    async with asyncio.timeout_at(deadline):
                        await channel.basic_publish(
                            body,
                            exchange=exchange,
                            routing_key=key,
                            properties=_basic(properties, cc),
                            mandatory=mandatory,
                            wait=False,  # else publishes leave one by one: each waits for the socket under a lock
                        )
            except aiormq.exceptions.PublishError:
                raise Unroutable(f"no queue is bound to {key!r} on {exchange!r}") from None
            except AMQP_ERRORS as error:
                raise Unconfirmed(f"{type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def _turn(self, message_id: str, deadline: float) -> AsyncIterator[None]:
        """One publish of an id at a time: the client matches returned messages to publishes by that id."""
        lock = self._turns.setdefault(message_id, asyncio.Lock())
        if lock.locked():
            try:
                async with asyncio.timeout_at(deadline):
                    await lock.acquire()
            except TimeoutError:
                raise Unconfirmed("another publish of the same event is under way") from None
        else:
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()

    async def _usable(self, deadline: float) -> aiormq.Channel:
        if (channel := self._channel) is not None and not channel.is_closed:
            return channel
        try:
            async with asyncio.timeout_at(deadline):
                while (channel := self._channel) is None or channel.is_closed:
                    self._opened.clear()
                    await self._opened.wait()
        except TimeoutError:
            raise NotPublished("no connection to the broker") from None
        return channel

    async def _session(self, connection: AbstractConnection) -> None:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            underlay = await channel.get_underlay_channel()
            assert isinstance(underlay, aiormq.Channel)
            self._channel = underlay
            self._opened.set()
            await channel.closed()
        finally:
            self._channel = None


def _basic(properties: Properties, cc: Sequence[str]) -> aiormq.spec.Basic.Properties:
    headers: dict[str, Any] = dict(properties.headers)
    if cc:
        headers["CC"] = list(cc)
    return aiormq.spec.Basic.Properties(
        content_type=properties.content_type,
        delivery_mode=2,
        message_id=properties.message_id,
        message_type=properties.type,
        correlation_id=properties.correlation_id,
        timestamp=properties.timestamp,
        app_id=properties.app_id,
        headers=headers,
    )
