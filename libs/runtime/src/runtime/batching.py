"""The micro-batcher: what queued up while the last batch was written is the next batch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """
    Turns many single calls into few batched ones without a linger: flushed at once when idle.

    `flush` gets the items in order and returns one result each; when it fails, only its own callers see the error.
    """

    def __init__(self, flush: Callable[[list[Item]], Awaitable[list[Result]]], max_batch: int = 200) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Have `item` written with the next batch. A caller that is cancelled does not take its item back."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
            try:
                results = await self._flush([item for item, _ in batch])
                settled = list(zip(batch, results, strict=True))
            except asyncio.CancelledError:
                for _, future in [*batch, *self._waiting]:
                    future.cancel()
                self._waiting = []
                raise
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in settled:
                if not future.done():
                    future.set_result(result)
