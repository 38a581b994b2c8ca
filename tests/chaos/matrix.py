"""Which faults there are: each a function of a family's module, marked with its row of the fault matrix."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.run import Run

FAMILIES = (
    "gateway",
    "publishing",
    "claims",
    "broker",
    "providers",
    "receipts",
    "database",
    "poison",
    "tracker",
    "operators",
    "load",
    "erasure",
)
"""Modules of this package, in the order in which they are played."""


class NotApplicable(Exception):
    """A row that cannot be played here; the text says why."""


@dataclass(frozen=True)
class Fault:
    """
    One line of `make chaos`.

    `row`: of the fault matrix, a number, or a + and the place among the rows that were added to it. `fast`: part of
    `make test` as well.
    """

    name: str
    row: str
    play: Callable[["Run"], None]
    fast: bool
    seconds: float

    @property
    def promise(self) -> str:
        """What must come of it."""
        return (self.play.__doc__ or "").strip().split("\n")[0]


_FAULTS: list[Fault] = []

Play = Callable[["Run"], None]


def fault(name: str, *, row: str, fast: bool = False, seconds: float = 30) -> Callable[[Play], Play]:
    """Mark a function as a fault; `seconds` is how long its messages may take to settle after it."""

    def mark(play: Play) -> Play:
        assert all(known.name != name for known in _FAULTS), f"two faults are called {name}"
        _FAULTS.append(Fault(name, row, play, fast, seconds))
        return play

    return mark


def faults() -> list[Fault]:
    """All of them."""
    for family in FAMILIES:
        importlib.import_module(f"tests.chaos.{family}")
    return list(_FAULTS)
