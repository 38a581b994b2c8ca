"""Publishing with a definite answer: the broker has it, it reached nobody, or nobody knows."""

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Self

from aiormq.abc import AbstractChannel

from proactive_contracts.codec import Properties, encode, properties_of
from proactive_contracts.envelope import Event
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.topology import address
from proactive_contracts.values import Lane
from runtime import tracing
from runtime.amqp.connection import AMQP_ERRORS, Connection, Link
from runtime.amqp.wire import Message, Tap, Wire


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
        self._publishing: _Publishing | None = None
        self._opened = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.__aexit__()

    @property
    def connected(self) -> bool:
        """Whether a publish would leave at once."""
        return self._publishing is not None and self._publishing.is_open

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
        with tracing.sending(event, exchange, key) as span:
            event = span.carry(event)
            await self.publish(
                exchange,
                key,
                encode(event),
                properties_of(event),
                mandatory=_must_arrive(event),
                cc=[result_route] if result_route else [],
                timeout=timeout,
            )

    async def send_all(
        self, events: Sequence[tuple[Event[Any], bytes]], *, timeout: float = 5
    ) -> Sequence[BaseException | None]:
        """
        Publish events, each beside its bytes, side by side; what `send` would have raised of each.

        It costs half of what as many tasks with a `send` do.
        """
        if not events:
            return []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            publishing = await self._usable(deadline)
        except NotPublished as error:
            return [error] * len(events)
        begun = [self._begin(publishing, event, body, timeout) for event, body in events]
        time_out = loop.call_at(deadline, _time_out, *(one for one in begun if not isinstance(one, asyncio.Task)))
        try:
            await asyncio.wait(begun)
        finally:
            time_out.cancel()
            for answer in begun:
                answer.cancel()
        ends = [answer.exception() for answer in begun]
        return [_unconfirmed(end) if isinstance(end, AMQP_ERRORS) else end for end in ends]

    def _begin(
        self, publishing: "_Publishing", event: Event[Any], body: bytes, timeout: float
    ) -> "asyncio.Future[None]":
        try:
            exchange, key = address(event)
            span = tracing.sending(event, exchange, key)
            if (carried := span.carry(event)) is not event:
                event, body = carried, encode(carried)
            properties, mandatory = properties_of(event), _must_arrive(event)
            answer: asyncio.Future[None]
            if publishing.latest(properties.message_id) is not None:
                publish = self.publish(exchange, key, body, properties, mandatory=mandatory, timeout=timeout)
                answer = asyncio.ensure_future(publish)
            else:
                answer = publishing.write(exchange, key, body, properties, mandatory=mandatory, cc=())
            span.end_with(answer)
            return answer
        except Exception as error:  # what is wrong with this one keeps none of the others
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed

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
        publishing = await self._usable(deadline)
        try:
            await publishing.publish(exchange, key, body, properties, deadline, mandatory=mandatory, cc=cc)
        except AMQP_ERRORS as error:
            raise _unconfirmed(error) from error

    async def _usable(self, deadline: float) -> "_Publishing":
        if (publishing := self._publishing) is not None and publishing.is_open:
            return publishing
        try:
            async with asyncio.timeout_at(deadline):
                while (publishing := self._publishing) is None or not publishing.is_open:
                    self._opened.clear()
                    await self._opened.wait()
        except TimeoutError:
            raise NotPublished("no connection to the broker") from None
        return publishing

    async def _session(self, connection: Connection) -> None:
        channel = await connection.channel(publisher_confirms=True)
        underlay = await channel.get_underlay_channel()
        publishing = _Publishing(connection.wire, underlay)
        try:
            self._publishing = publishing
            self._opened.set()
            await channel.closed()
        finally:
            self._publishing = None
            publishing.lost()


class _RefusedError(ConnectionError):
    """The broker said that it does not have it."""


class _Publishing:
    """
    One channel's publishes that are not answered yet, in the order of their tags.

    The broker tells of what comes back by its properties alone: its id. So of one id there is one at a time, and the
    latest is meant.
    """

    def __init__(self, wire: Wire, channel: AbstractChannel) -> None:
        self._wire = wire
        self._channel = channel
        self._tag = 0
        self._unanswered: dict[int, tuple[str, asyncio.Future[None]]] = {}
        self._latest: dict[str, int] = {}
        wire.taps[channel.number] = Tap(self._came_back, self._answered)

    @property
    def is_open(self) -> bool:
        return not self._channel.is_closed

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        properties: Properties,
        deadline: float,
        *,
        mandatory: bool,
        cc: Sequence[str],
    ) -> None:
        while (answer := self.latest(properties.message_id)) is not None:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait({answer})
        answer = self.write(exchange, key, body, properties, mandatory=mandatory, cc=cc)
        time_out = asyncio.get_running_loop().call_at(deadline, _time_out, answer)
        try:
            await answer
        finally:
            time_out.cancel()

    def latest(self, id_: str) -> "asyncio.Future[None] | None":
        """The answer to the publish of that id that is not answered yet."""
        tag = self._latest.get(id_)
        if tag is None or (answer := self._unanswered[tag][1]).done():
            return None
        return answer

    def write(
        self, exchange: str, key: str, body: bytes, properties: Properties, *, mandatory: bool, cc: Sequence[str]
    ) -> "asyncio.Future[None]":
        """
        Publish what no other publish of its id is under way of; what the broker says to it.

        Raises:
            ConnectionError: the channel was lost.
        """
        if not self.is_open:
            raise ConnectionError("the channel was lost")
        self._wire.publish(
            self._channel.number,
            exchange,
            key,
            body,
            properties,
            mandatory=mandatory,
            frame_max=self._channel.connection.connection_tune.frame_max,
            cc=cc,
        )
        self._tag += 1
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unanswered[self._tag] = properties.message_id, answer
        self._latest[properties.message_id] = self._tag
        return answer

    def lost(self) -> None:
        """Nobody answers any more."""
        for _, answer in self._unanswered.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the channel was lost"))

    def _came_back(self, message: Message) -> None:
        if (answer := self.latest(message.properties.message_id or "")) is not None:
            answer.set_exception(Unroutable(f"no queue is bound to {message.returned}"))

    def _answered(self, tag: int, multiple: bool, taken: bool) -> None:
        tags = list(takewhile(lambda one: one <= tag, self._unanswered)) if multiple else [tag]
        for one in tags:
            id_, answer = self._unanswered.pop(one)
            if self._latest[id_] == one:
                del self._latest[id_]
            if answer.done():
                continue
            if taken:
                answer.set_result(None)
            else:
                answer.set_exception(_RefusedError("the broker does not take it"))


def _time_out(*answers: "asyncio.Future[None]") -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(TimeoutError())


def _must_arrive(event: Event[Any]) -> bool:
    return not isinstance(event.data, MessageStatusChanged)


def _unconfirmed(error: BaseException) -> Unconfirmed:
    return Unconfirmed(f"{type(error).__name__}: {error}")
