"""The rows of the table: what was measured, what it has to be at least, and what we aim at."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """The median of some runs, and their range."""

    median: float
    low: float
    high: float
    runs: int

    def __str__(self) -> str:
        spread = f" ({_short(self.low)} – {_short(self.high)})" if self.runs > 1 else ""
        return f"{_short(self.median)}{spread}"


def figure(values: Sequence[float]) -> Figure:
    """Of at least one run."""
    return Figure(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    `judged`: below `at_least` the benchmark fails. Ratios within one run are; what hangs on the machine is not.
    """

    name: str
    value: Figure
    unit: str = "×"
    at_least: float | None = None
    aim: float | None = None
    less_is_better: bool = False
    judged: bool = False

    def reaches(self, wanted: float | None) -> bool:
        """Whether the median is as good as that."""
        if wanted is None:
            return True
        return self.value.median <= wanted if self.less_is_better else self.value.median >= wanted

    @property
    def failed(self) -> bool:
        """Whether the benchmark fails by this row."""
        return self.judged and not self.reaches(self.at_least)

    @property
    def verdict(self) -> str:
        """In one word or three."""
        if self.at_least is None:
            return ""
        if not self.reaches(self.at_least):
            return "BELOW" if self.judged else "below"
        return "aim reached" if self.reaches(self.aim) else "ok"

    def wanted(self, value: float | None) -> str:
        """A wanted value with its sign, for people."""
        return "" if value is None else f"{'≤' if self.less_is_better else '≥'} {_short(value)}"


def _short(value: float) -> str:
    """Three digits that count, as people read them."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"
