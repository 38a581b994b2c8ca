"""How a step says what it expected and what it saw instead."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

POLL_SECONDS = 0.1


class Unexpected(Exception):
    """Something is not as it must be; both sides are texts for people."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected: {expected}\n  seen: {seen}")
        self.expected = expected
        self.seen = str(seen)


class LeftOut(Exception):
    """This step cannot be played here; the text says why."""


def expect(holds: bool, expected: str, seen: object) -> None:
    """
    Go on only where this holds.

    Raises:
        Unexpected: it does not.
    """
    if not holds:
        raise Unexpected(expected, seen)


def eventually(look: Callable[[], Seen], fits: Callable[[Seen], bool], expected: str, seconds: float = 15) -> Seen:
    """
    Look again and again until it fits, for at most so many seconds; what was seen last.

    Raises:
        Unexpected: it never fitted.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if fits(seen):
            return seen
        if time.monotonic() > deadline:
            raise Unexpected(f"{expected}, within {seconds:g} s", seen)
        time.sleep(POLL_SECONDS)
