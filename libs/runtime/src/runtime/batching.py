"""The micro-batcher: what queued up while the last batch was written is the next batch."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeAlias, TypeVar

from runtime.logs import get_logger

Item = TypeVar("Item")
Result = TypeVar("Result")

_Waiter: TypeAlias = tuple[Item, asyncio.Future[Result]]

_BUSY = 200.0
"""Items a second from which on a batcher that may does collect."""

_WORTH_WRITING = 32
_LONGEST_PAUSE = 0.05
"""Between batches: for as long as so many items take to come, in seconds at most."""

_RATE_SECONDS = 0.1
"""Over so long the rate is an average."""

log = get_logger()


class Batcher(Generic[Item, Result]):
    """
    Turns many single calls into few batched ones, flushed at once when idle.

    With `collects` it pauses between batches while it is busy: for what is fed by a queue, not for callers who each
    wait before they call again.

    `flush` gets the items in order and returns one result each. When it fails with one of `shared`, all of its callers
    see the error. Any other error may be the fault of one item, which must not fail its neighbours: each is flushed
    alone. Without `shared` no batch is split. `flush` has to undo what a failed batch had done.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[list[Result]]],
        max_batch: int = 200,
        shared: tuple[type[Exception], ...] = (Exception,),
        *,
        collects: bool = False,
    ) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._shared = shared
        self._waiting: list[_Waiter[Item, Result]] = []
        self._running: asyncio.Task[None] | None = None
        self._collects = collects
        self._rate = 0.0
        self._counted = 0
        self._counted_from = 0.0
        self._idle_from = 0.0

    async def add(self, item: Item) -> Result:
        """Have `item` written with the next batch. A caller that is cancelled does not take its item back."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._drain(), context=Context())  # a batch is nobody's alone
        return await future

    async def _drain(self) -> None:
        now = asyncio.get_running_loop().time()
        if now > self._idle_from + _LONGEST_PAUSE:  # what it had to do before says nothing any more
            self._rate, self._counted, self._counted_from = 0.0, 0, now
        while self._waiting:
            batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
            try:
                await self._write(batch)
                if self._collects and (rate := self._rate_with(len(batch))) > _BUSY:
                    await asyncio.sleep(min(_LONGEST_PAUSE, _WORTH_WRITING / rate))
            except asyncio.CancelledError:
                for _, future in [*batch, *self._waiting]:
                    future.cancel()
                self._waiting = []
                raise
        self._idle_from = asyncio.get_running_loop().time()

    def _rate_with(self, items: int) -> float:
        """Items a second, with these."""
        now = asyncio.get_running_loop().time()
        self._counted += items
        if (passed := now - self._counted_from) >= _RATE_SECONDS:
            self._rate = self._counted / passed
            self._counted, self._counted_from = 0, now
        return self._rate

    async def _write(self, batch: list[_Waiter[Item, Result]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
            settled = list(zip(batch, results, strict=True))
        except Exception as error:
            if len(batch) == 1 or isinstance(error, self._shared):
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                return
            log.warning("batch_split", error=type(error).__name__, items=len(batch))
            for waiter in batch:
                await self._write([waiter])
            return
        for (_, future), result in settled:
            if not future.done():
                future.set_result(result)
