"""Consuming: at most `concurrency` deliveries at a time, each ending acknowledged, parked or returned."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Self

from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import DeliveredMessage

from proactive_contracts.codec import Properties
from proactive_contracts.errors import ContractError
from proactive_contracts.topology import DEAD, parked
from runtime import clock
from runtime.amqp.connection import Connection, Link
from runtime.amqp.publisher import Publisher, PublishFailed
from runtime.amqp.settling import Settling
from runtime.amqp.wire import Message, Tap
from runtime.logs import get_logger
from runtime.metrics import PARKED

PROBE_SECONDS = 2.0
_SETTLE_SECONDS = 0.2
"""What the broker has handed out is in our inbox by then: it comes over the connection that the count came over."""

_RETURN_SECONDS = 2.0
"""What we gave back may be on its way to us again, and in no count, for as long as this at least."""

DRAIN_SECONDS = 45.0
"""How long a stop waits for what is in flight; deployments must grant more than this."""

_LONGEST_PAUSE = 30.0

log = get_logger()


class Park(Exception):
    """Put this delivery aside: it can never be handled. `reason` is one stable word, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass
class Delivery:
    """One message from a queue, in our hands until it is acknowledged or returned."""

    queue: str
    message: Message
    settling: Settling = field(repr=False)
    number: int = 0
    settled: bool = field(default=False)
    acked: bool = field(default=False)

    @property
    def body(self) -> bytes:
        """The message's bytes."""
        return self.message.body

    @property
    def headers(self) -> dict[str, Any]:
        """The message's AMQP headers."""
        return dict(self.message.properties.headers or {})

    @property
    def routing_key(self) -> str:
        """The key that it was published with."""
        return self.message.routing_key

    @property
    def returns(self) -> int:
        """How often the broker took it back, as far as that matters here; a sender may have put anything there."""
        count = self.headers.get("x-delivery-count")
        return min(max(count, 0), 100) if isinstance(count, int) else 0

    @property
    def about(self) -> dict[str, str]:
        """What a log line tells of it, as far as its sender said so in its properties."""
        sent, trace = self.message.properties, self.headers.get("traceparent")
        found = {"event_id": sent.message_id, "message_id": sent.correlation_id}
        found["trace_id"] = trace[3:35] if isinstance(trace, str) else None
        return {name: value for name, value in found.items() if value}

    @property
    def stale(self) -> bool:
        """Its channel is gone: the broker hands it out again."""
        return self.settling.over

    async def ack(self) -> None:
        """Tell the broker that it is ours now; harmless twice, and on a connection that is gone."""
        self._settle(acked=True)

    async def give_back(self) -> None:
        """Return it to the queue; this counts towards the delivery limit on every version of RabbitMQ."""
        self._settle(acked=False)

    def _settle(self, *, acked: bool) -> None:
        if not self.settled:
            self.settled, self.acked = True, acked
            self.settling.settle(self.message.delivery_tag, acked=acked)


Handler = Callable[[Delivery], Awaitable[None]]


class Consumer:
    """
    Hands deliveries of `queues` to `handler`, at most `concurrency` at a time, and settles each by how that ended.

    It returns: acknowledged. ContractError or Park: published to the parked queue, then acknowledged. One of
    `trouble`, or a publish that was not confirmed: the same delivery again with growing pauses, uncounted. Anything
    else: a pause, then returned to the queue, which parks it at the delivery limit.
    """

    def __init__(
        self,
        url: str,
        queues: Sequence[str],
        handler: Handler,
        publisher: Publisher,
        *,
        concurrency: int,
        name: str,
        trouble: tuple[type[Exception], ...],
        prefetch: int | None = None,
    ) -> None:
        self._link = Link(url, f"{name}.consumer", self._session)
        self._queues = tuple(queues)
        self._handler = handler
        self._publisher = publisher
        self._concurrency = concurrency
        self._prefetch = prefetch or concurrency + (concurrency + 1) // 2
        self._trouble: tuple[type[Exception], ...] = (*trouble, PublishFailed)
        self._inbox: asyncio.Queue[Delivery] = asyncio.Queue()
        self._not_begun: list[Delivery] = []
        self._busy = 0
        self._taken = 0
        self._open: dict[int, None] = {}
        self._marks: deque[tuple[datetime, int]] = deque()
        self._returned_at = -_RETURN_SECONDS
        self._consuming = False
        self._stopping = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._settling: Settling | None = None
        self._stack = AsyncExitStack()
        self.depths: dict[str, int] = {}
        """Messages ready in each queue when it was last looked at."""
        self.read_up_to: datetime | None = None
        """
        Everything published before this moment was handed out, and what came here was handled.

        None until the queues were once empty. What another replica holds is not seen from here.
        """

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._link)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop taking deliveries, let what is in flight end, then close."""
        self._stopping.set()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._busy:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log.warning("drain_timed_out", in_flight=self._busy, seconds=DRAIN_SECONDS)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._settling is not None:
            await self._settling.settled()
        await self._stack.aclose()

    async def check(self) -> str | None:
        """For readiness."""
        return None if self._consuming else f"not consuming {', '.join(self._queues)}"

    async def _session(self, connection: Connection) -> None:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=self._prefetch)
        cancelled = asyncio.Event()
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: cancelled.set())
        self._settling = Settling(underlay)
        connection.wire.taps[underlay.number] = Tap(partial(self._take, self._settling))
        for name in self._queues:
            await underlay.basic_consume(name, _past_the_client, consumer_tag=name)
        self._consuming = True
        self._marks.clear()
        try:
            await self._until_over(connection, channel, cancelled)
            for name in self._queues:
                await underlay.basic_cancel(name)
            await self._give_back_what_is_not_begun()
            await channel.closed()  # the drain in __aexit__ ends this session
        finally:
            self._consuming = False

    async def _give_back_what_is_not_begun(self) -> None:
        """Another replica takes it at once, however long the drain lasts."""
        while not self._inbox.empty():
            self._not_begun.append(self._inbox.get_nowait())
        for delivery in self._not_begun:
            self._close(delivery, handled=False)
            await delivery.give_back()

    async def _until_over(
        self, connection: AbstractConnection, channel: AbstractChannel, cancelled: asyncio.Event
    ) -> None:
        """Return when the process stops; raise when the session is broken."""
        probing = asyncio.create_task(self._probe(connection))
        waits = [asyncio.ensure_future(wait) for wait in (channel.closed(), cancelled.wait(), self._stopping.wait())]
        try:
            await asyncio.wait([probing, *waits], return_when=asyncio.FIRST_COMPLETED)
            if not self._stopping.is_set():
                raise ConnectionError("the channel, the consumer or its queue is gone")
        finally:
            for task in (probing, *waits):
                task.cancel()
            await asyncio.gather(probing, *waits, return_exceptions=True)

    async def _probe(self, connection: AbstractConnection) -> None:
        """Look at the queues now and then, on a channel of its own, which dies in place of the working one."""
        channel = await connection.channel(publisher_confirms=False)
        while True:
            began, moment = clock.now(), time.monotonic()
            for name in self._queues:
                queue = await channel.get_queue(name)
                self.depths[name] = queue.declaration_result.message_count or 0
            await asyncio.sleep(_SETTLE_SECONDS)
            if not any(self.depths.values()) and moment > self._returned_at + _RETURN_SECONDS:
                if self._open:
                    self._marks.append((began, self._taken))
                else:
                    self.read_up_to = began
            await asyncio.sleep(PROBE_SECONDS)

    def _take(self, settling: Settling, message: Message) -> None:
        self._taken += 1
        self._open[self._taken] = None
        settling.take(message.delivery_tag)
        self._inbox.put_nowait(Delivery(message.consumer_tag, message, settling, self._taken))
        wanted = min(self._busy + self._inbox.qsize(), self._concurrency)
        if wanted > len(self._workers) and not self._stopping.is_set():
            self._workers.append(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        while True:
            delivery = await self._inbox.get()
            if delivery.stale:
                self._close(delivery, handled=False)
                continue
            if self._stopping.is_set():
                self._not_begun.append(delivery)
                continue
            self._busy += 1
            try:
                await self._handle(delivery)
            except Exception:  # a worker that dies would take its place in the concurrency with it
                log.exception("delivery_unsettled", queue=delivery.queue)
                await delivery.give_back()
            finally:
                self._busy -= 1
                self._close(delivery, handled=delivery.acked)

    def _close(self, delivery: Delivery, *, handled: bool) -> None:
        """Let read_up_to follow; what goes back to its queue voids what was to be said once it was handled."""
        self._open.pop(delivery.number, None)
        if not handled:
            self._marks.clear()
            self._returned_at = time.monotonic()
        while self._marks and next(iter(self._open), self._taken + 1) > self._marks[0][1]:
            self.read_up_to = self._marks.popleft()[0]

    async def _handle(self, delivery: Delivery) -> None:
        pause = 0.1
        while not delivery.stale:
            try:
                await self._attempt(delivery)
                return
            except self._trouble as error:
                about = delivery.about
                log.warning("delivery_paused", queue=delivery.queue, error=type(error).__name__, seconds=pause, **about)
                if await self._stopped_within(pause):
                    return
                pause = min(_LONGEST_PAUSE, pause * 2)

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._handler(delivery)
            await delivery.ack()
        except (ContractError, Park) as error:
            await self._park(delivery, error.reason, str(error))
        except self._trouble:
            raise
        except Exception:
            log.exception("delivery_failed", queue=delivery.queue, **delivery.about)
            if not delivery.settled:
                await self._stopped_within(min(_LONGEST_PAUSE, 2.0**delivery.returns))
                await delivery.give_back()

    async def _park(self, delivery: Delivery, reason: str, detail: str) -> None:
        log.error("delivery_parked", queue=delivery.queue, reason=reason, detail=detail[:300], **delivery.about)
        sent = delivery.message.properties
        headers = {
            "x-proactive-reason": reason,
            "x-proactive-detail": detail[:500],
            "x-proactive-queue": delivery.queue,
            "x-proactive-routing-key": delivery.routing_key,
        }
        properties = Properties(
            message_id=str(clock.new_id()),
            type=sent.message_type or "",
            correlation_id=sent.correlation_id,
            timestamp=clock.now(),
            app_id=sent.app_id or "",
            content_type=sent.content_type or "application/octet-stream",
            headers=headers | ({"x-proactive-message-id": sent.message_id} if sent.message_id else {}),
        )
        await self._publisher.publish(DEAD, parked(delivery.queue), delivery.body, properties)
        PARKED.labels(delivery.queue, reason).inc()
        await delivery.ack()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True


async def _past_the_client(message: DeliveredMessage) -> None:
    raise AssertionError(f"the tap of its channel takes {message.delivery_tag}")
