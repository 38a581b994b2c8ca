"""Tells a person at a terminal, or whoever reads a log, which stage is going on and how long each took."""

import contextlib
import sys
import time
from collections.abc import Iterator


class Progress:
    """One line per stage: its title when it begins, its seconds when it is done."""

    def __init__(self) -> None:
        self._open = False

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Around the work of one stage; the line ends with its seconds, or with how it failed."""
        started = time.monotonic()
        self._write(f"  {title:<34}", end="")
        self._open = True
        outcome = "failed"
        try:
            yield
            outcome = "ok"
        except KeyboardInterrupt:
            outcome = "interrupted"
            raise
        finally:
            seconds = f"{time.monotonic() - started:5.1f} s"
            padding = "" if self._open else " " * 36
            self._write(padding + (seconds if outcome == "ok" else f"{seconds}  {outcome}"))
            self._open = False

    def say(self, text: str) -> None:
        """A line of its own, also in the middle of a stage."""
        if self._open:
            self._write("")
            self._open = False
        self._write(text)

    @staticmethod
    def _write(text: str, end: str = "\n") -> None:
        # The reader may have gone (a closed terminal, a pipe to head); stopping everything matters more.
        with contextlib.suppress(OSError, ValueError):
            print(text, end=end, flush=True, file=sys.stdout)


class Silent(Progress):
    """For tests: says nothing."""

    @staticmethod
    def _write(text: str, end: str = "\n") -> None:
        """Keep quiet."""
