"""The bulkhead of one worker: what one channel may occupy of it, so that a slow one does not hold up the others."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from proactive_contracts.values import Lane

SHARED = 0.75
"""Of the slots, for the channels active in the last minute, in equal shares; the rest is for newcomers."""

BULK = 0.75
"""Of a channel's share: what agents send always finds room in it."""

ACTIVE_SECONDS = 60.0
PATIENCE_SECONDS = 0.05
"""A slot that is expected to be free so soon is worth waiting for."""

_LONGEST_WAIT = 0.1
_LATEST = 0.2
"""How much the duration of the last call counts in the average of a channel's calls."""


@dataclass
class _Use:
    """What one channel does with its share: the beginnings of its calls, oldest first; durations in seconds."""

    calls: dict[Lane, deque[float]] = field(default_factory=lambda: {lane: deque() for lane in Lane})
    waiting: dict[Lane, deque[asyncio.Future[None]]] = field(default_factory=lambda: {lane: deque() for lane in Lane})
    seconds: float = 0.0
    active_at: float = 0.0

    @property
    def total(self) -> int:
        return sum(map(len, self.calls.values()))


class Slots:
    """`total` calls at the same time."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._used = 0
        self._uses: dict[UUID, _Use] = {}
        self._swept_at = 0.0

    @property
    def used(self) -> int:
        """Slots that are occupied."""
        return self._used

    @property
    def free(self) -> int:
        """Slots that nobody occupies."""
        return max(0, self._total - self._used)

    def room_of(self, channel_id: UUID, lane: Lane) -> int:
        """How many more calls of this lane the channel may begin now."""
        use = self._use(channel_id)
        share = max(1, int(self._total * SHARED / len(self._uses)))
        bulk = max(1, int(share * BULK))
        if lane is Lane.BULK:
            mine = min(bulk - len(use.calls[lane]), share - use.total)
        else:
            mine = max(share, bulk + 1) - use.total
        return max(0, min(mine, self.free))

    async def take(self, channel_id: UUID, lane: Lane) -> bool:
        """Occupy a slot at once, or as good as; False where the channel's share is used up."""
        if not self.room_of(channel_id, lane) and not await self._came_free(channel_id, lane):
            return False
        self.occupy(channel_id, lane)
        return True

    def occupy(self, channel_id: UUID, lane: Lane) -> None:
        """Take a slot whatever there is: for what was chosen by the room that there was a moment ago."""
        self._use(channel_id).calls[lane].append(self._clock())
        self._used += 1

    def leave(self, channel_id: UUID, lane: Lane) -> None:
        """A call has ended."""
        use = self._uses[channel_id]
        use.active_at = self._clock()
        use.seconds += _LATEST * (use.active_at - use.calls[lane].popleft() - use.seconds)
        self._used -= 1
        for waiting in (Lane.INTERACTIVE, Lane.BULK):
            while use.waiting[waiting] and self.room_of(channel_id, waiting):
                turn = use.waiting[waiting].popleft()
                if not turn.done():  # its time may be over, and its task not have run since
                    turn.set_result(None)
                    return

    async def _came_free(self, channel_id: UUID, lane: Lane) -> bool:
        use = self._use(channel_id)
        begun = [calls[0] for calls in use.calls.values() if calls]
        if not begun:
            return False
        seconds = max(use.seconds, self._clock() - min(begun))
        if (len(use.waiting[lane]) + 1) * seconds / use.total > PATIENCE_SECONDS:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        use.waiting[lane].append(turn)
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                await turn
        except TimeoutError:
            return False
        finally:
            if turn in use.waiting[lane]:
                use.waiting[lane].remove(turn)
        return self.room_of(channel_id, lane) > 0

    def _use(self, channel_id: UUID) -> _Use:
        now = self._clock()
        use = self._uses.get(channel_id)
        if use is None:
            use = self._uses[channel_id] = _Use()
        use.active_at = now
        if now >= self._swept_at + 1:
            self._swept_at = now
            since = now - ACTIVE_SECONDS
            self._uses = {one: it for one, it in self._uses.items() if it.total or it.active_at >= since}
        return use
