"""What came of a run that scales a channel's workers: what must hold, what happened over time."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.autoscaled import Sample
from tests.bench.autoscaler import Rule
from tests.bench.rows import Row, figure
from tests.bench.running import percentile

MOST_RATIO = 1.2
"""Agents' p95 among bulk messages, of theirs alone."""

SPAN_SECONDS = 5
"""What a line of the table stands for."""


@dataclass
class Asked:
    """An agent's message: when it was published, and the seconds until panel and history knew that it was sent."""

    moment: float
    at: float
    """The same moment as Unix time."""
    answered: float | None = None
    recorded: float | None = None


@dataclass
class Scaled:
    """What came of it. Moments are of time.monotonic."""

    rule: Rule
    factor: float
    """By which the rule's times were divided."""
    warm: float = 0.0
    """From when on agents' messages count."""
    began: float = 0.0
    """When the bulk messages came; told are the seconds from here."""
    all_sent: float = 0.0
    """Seconds until the history said so of all bulk messages, seen once a second."""
    samples: list[Sample] = field(default_factory=list)
    agents: list[Asked] = field(default_factory=list)
    published: int = 0
    troubles: list[str] = field(default_factory=list)

    def taken(self, share: float, since: float, until: float = math.inf, what: str = "answered") -> float:
        """
        The milliseconds that this share of agents' messages between two moments did not exceed.

        Not a number where there were none.
        """
        seconds = [getattr(one, what) for one in self.agents if since <= one.moment < until]
        known = sorted(1000 * one for one in seconds if one is not None)
        return percentile(known, share) if known else math.nan

    @property
    def quiet(self) -> float:
        """Agents' p95 alone."""
        return self.taken(0.95, self.warm, self.began)

    @property
    def busy(self) -> float:
        """Agents' p95 until all bulk messages were sent, or until the workers were as few as before: the higher one."""
        return max(self.taken(0.95, self.began, self.began + self.all_sent), self.taken(0.95, self.began))

    @property
    def ratio(self) -> float:
        """The one by the other."""
        return self.busy / self.quiet

    @property
    def workers(self) -> list[int]:
        """How many there were, in the order of the looks."""
        return [self.samples[0].workers, *(sample.wanted for sample in self.samples)]

    def rows(self) -> list[Row]:
        """What must hold, and what is told beside it."""
        told = {
            "agents' p95 alone": (self.quiet, "ms"),
            "agents' p95 among bulk messages": (self.busy, "ms"),
            "until the history has it, alone": (self.taken(0.95, self.warm, self.began, "recorded"), "ms"),
            "until the history has it, among bulk messages": (self.taken(0.95, self.began, what="recorded"), "ms"),
            "until all were sent": (self.all_sent, "s"),
            "until one worker was left": (self.samples[-1].second - self.began, "s"),
        }
        ratio = Row(
            "agents' p95, among bulk messages / alone",
            figure([self.ratio]),
            "×",
            MOST_RATIO,
            None,
            less_is_better=True,
            judged=True,
        )
        return [ratio, *(Row(name, figure([value]), unit) for name, (value, unit) in told.items())]

    def failed(self) -> list[str]:
        """What did not go as it has to, a sentence each."""
        found, rule = list(self.troubles), self.rule
        if max(self.workers) < rule.most:
            found.append(f"There were never more than {max(self.workers)} workers, of {rule.most}.")
        if (self.workers[0], self.workers[-1]) != (rule.least, rule.least):
            ends = f"began with {self.workers[0]} and ended with {self.workers[-1]}"
            found.append(f"It {ends} worker(s), instead of {rule.least}.")
        went = next((one.second - self.began for one in self.samples if one.wanted < one.workers), math.inf)
        if went < self.all_sent:
            found.append(
                f"A worker was sent away after {went:.0f} s, and all was sent after {self.all_sent:.0f} s only."
            )
        if not self.ratio <= MOST_RATIO:
            found.append(f"Agents' p95 was {self.ratio:.2f} times that without bulk messages; {MOST_RATIO} is allowed.")
        return found

    def success(self) -> str:
        """What went as it has to, where nothing failed."""
        steps = " → ".join(str(number) for number, _ in itertools.groupby(self.workers))
        return f"Workers: {steps}. Each of {self.published:,} messages was called once, and is “Sent” in the history."

    def document(self) -> dict[str, object]:
        """Everything, for programs; moments in seconds from the bulk messages."""
        return {
            "factor": self.factor,
            "rule": asdict(self.rule),
            "published": self.published,
            "samples": [asdict(one) | {"second": one.second - self.began} for one in self.samples],
            "agents": [asdict(one) | {"moment": one.moment - self.began} for one in self.agents],
            "failed": self.failed(),
        }


def accounts(published: set[str], sent: set[str], calls: Counter[str]) -> Iterator[str]:
    """What does not add up, a sentence each."""
    never, twice = published - calls.keys(), [one for one, count in calls.items() if count > 1]
    if never:
        yield f"{len(never)} of {len(published):,} messages never reached the provider."
    if twice:
        yield f"{len(twice)} messages reached the provider more than once."
    if unknown := calls.keys() - published:
        yield f"The provider was called for {len(unknown)} messages that nobody asked for."
    if unsent := published - sent:
        yield f'The history does not say "Sent" of {len(unsent)} of {len(published):,} messages.'


def told(sample: Sample, began: float) -> str:
    """What one look saw, while it goes on."""
    depths = f"{_depth(sample, 0)} in the queues, {_depth(sample, 1)} in the journal"
    return f"{sample.second - began:4.0f} s: {depths}, {sample.workers} worker(s)"


def over_time(scaled: Scaled) -> Iterator[str]:
    """The table: a line for each span, agents alone first."""
    yield _line("s", "queues", "journal", "workers", "wanted", "messages/s", "agents' p95, ms")
    alone = sum(scaled.warm <= one.moment < scaled.began for one in scaled.agents) / (scaled.began - scaled.warm)
    yield _line("alone", "", "", str(scaled.rule.least), "", f"{alone:.0f}", f"{scaled.quiet:,.0f}")
    for first, last in _spans(scaled.samples):
        rate = (last.answered - first.answered) / (last.second - first.second)
        taken = scaled.taken(0.95, first.second, last.second)
        yield _line(
            f"{last.second - scaled.began:.0f}",
            _depth(last, 0),
            _depth(last, 1),
            str(last.workers),
            str(last.wanted),
            f"{rate:.0f}",
            "–" if math.isnan(taken) else f"{taken:,.0f}",
        )


def _line(*cells: str) -> str:
    widths = (5, 7, 8, 8, 7, 11, 16)
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _spans(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    first = samples[0]
    for sample in samples[1:]:
        if sample.second - first.second >= SPAN_SECONDS or sample is samples[-1]:
            yield first, sample
            first = sample


def _depth(sample: Sample, number: int) -> str:
    depth = sample.depths[number] if number < len(sample.depths) else None
    return "–" if depth is None else f"{depth:,.0f}"
