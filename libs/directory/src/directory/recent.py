"""A small memory of what was just read."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

SECONDS = 5.0
"""How long a change made elsewhere may stay unseen."""

MOST = 1000
"""Entries that are kept; above it, the oldest goes."""


class Recent(Generic[Key, Value]):
    """Values for a few seconds each; that something is not there is remembered, too."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[Key, tuple[float, Value]] = {}

    async def get(self, key: Key, load: Callable[[Key], Awaitable[Value]]) -> Value:
        """The remembered value, or what `load` says now; an error of `load` is not remembered."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry[0]:
            return entry[1]
        value = await load(key)
        self._entries.pop(key, None)
        self._entries[key] = (self._clock() + self._seconds, value)
        while len(self._entries) > MOST:
            del self._entries[next(iter(self._entries))]
        return value

    def forget(self) -> None:
        """Read everything anew."""
        self._entries.clear()
