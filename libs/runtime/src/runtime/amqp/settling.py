"""Tells the broker what became of deliveries: many in one acknowledgement, and always from one task."""

import asyncio
from collections import deque

from aiormq.abc import AbstractChannel

from runtime.amqp.connection import AMQP_ERRORS, loss_as_error
from runtime.logs import get_logger

log = get_logger()


class Settling:
    """
    What is handed out on one channel, in the broker's order, and not settled yet.

    What was acknowledged without a gap is told as one multiple acknowledgement, the rest one by one; nothing waits.
    Two tasks that told it would meet each other's delivery tags, for which the broker closes the channel.
    """

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._tags: deque[int] = deque()
        self._decided: dict[int, bool] = {}
        self._told: set[int] = set()
        self._telling: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """The channel is gone: the broker hands out again what is not settled."""
        return self._channel.is_closed

    def take(self, tag: int) -> None:
        """A delivery came."""
        self._tags.append(tag)

    def settle(self, tag: int, *, acked: bool) -> None:
        """Acknowledge it, or return it to its queue: told soon, with what is settled meanwhile."""
        self._decided[tag] = acked
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def settled(self) -> None:
        """Return once everything was told."""
        if self._telling is not None:
            await self._telling

    async def _tell(self) -> None:
        try:
            with loss_as_error():
                while self._decided:
                    await self._tell_in_order()
                    await self._tell_others()
        except AMQP_ERRORS:
            log.info("deliveries_outlived_channel")
            self._decided.clear()

    async def _tell_in_order(self) -> None:
        up_to = None
        while self._tags and (self._tags[0] in self._decided or self._tags[0] in self._told):
            tag = self._tags.popleft()
            if tag in self._told:
                self._told.discard(tag)
            elif self._decided.pop(tag):
                up_to = tag
            else:
                await self._channel.basic_reject(tag, requeue=True, wait=False)
        if up_to is not None:
            await self._channel.basic_ack(up_to, multiple=True, wait=False)

    async def _tell_others(self) -> None:
        for tag in list(self._decided):
            self._told.add(tag)
            if self._decided.pop(tag):
                await self._channel.basic_ack(tag, wait=False)
            else:
                await self._channel.basic_reject(tag, requeue=True, wait=False)
