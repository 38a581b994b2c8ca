"""Ours and the peers side by side: ours, a peer, ours, the next peer …: where the machine drifts, it does for all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.contestants import OURS, Contestant
from tests.bench.filling import Say
from tests.bench.provider import CONSTANT_SECONDS
from tests.bench.rows import Figure, Row, figure
from tests.bench.running import Plan, Run, run
from tests.bench.world import World

Pair = tuple[Run, Run]
_AGAINST = {"faststream": (1.5, 2.0), "celery": (1.8, 2.4), "plain": (0.9, 1.2)}
"""Messages/s, ours / theirs: at least, and aimed at. Celery's is twice plain's (docs/performance.md: Celery's row)."""


@dataclass
class Comparison:
    """All runs: `pairs` are ours and a peer's right after it, `varying` ours with the two ways of the provider."""

    contestants: Sequence[Contestant]
    pairs: list[Pair] = field(default_factory=list)
    varying: list[Pair] = field(default_factory=list)

    def runs(self, name: str) -> list[Run]:
        """One contestant's."""
        return [one for pair in self.pairs for one in pair if one.contestant == name]

    def figure(self, name: str, value: Callable[[Run], float]) -> Figure:
        """What one contestant's runs say about something."""
        return figure([value(one) for one in self.runs(name)])

    def ratio(self, peer: str, value: Callable[[Run], float]) -> Figure:
        """Ours / theirs, of each pair."""
        return figure([value(ours) / value(theirs) for ours, theirs in self.pairs if theirs.contestant == peer])

    def rows(self) -> Iterator[Row]:
        """What this says about the table."""
        names = {one.name for one in self.contestants}
        for peer in self.contestants:
            if peer is not OURS:
                least, aim = _AGAINST.get(peer.name, (None, None))
                ratio = self.ratio(peer.name, lambda run: run.per_second)
                yield Row(f"messages/s, ours / {peer.title}", ratio, "×", least, aim, judged=least is not None)
        if "faststream" in names:
            ratio = self.ratio("faststream", lambda run: run.all_cpu)
            yield Row("CPU per message, ours / FastStream", ratio, "×", 0.7, 0.55, less_is_better=True, judged=True)
        for process, least, aim in (("dispatcher", 0.50, 0.35), ("tracker", 0.30, 0.20)):
            value = self.figure(OURS.name, lambda run, process=process: run.cpu[process])  # type: ignore[misc]
            yield Row(f"CPU per message, {process}", value, "ms", least, aim, less_is_better=True)
        if self.varying:
            ratio = figure([varying.per_second / constant.per_second for constant, varying in self.varying])
            yield Row("messages/s, a provider of varying latency / constant", ratio, "×", 0.9, 1.0, judged=True)
        for name, least, aim in (("p50", 10.0, 6.0), ("p99", 20.0, 12.0)):
            taken = [added for one in self.runs(OURS.name) if (added := _added(one, name)) is not None]
            if taken:
                yield Row(f"added latency at 50/s, {name}", figure(taken), "ms", least, aim, less_is_better=True)
        most = self.figure(OURS.name, lambda run: max(run.rss["dispatcher"], run.rss["tracker"]))
        yield Row("memory of the larger service, RSS", most, "MB", 90, 60, less_is_better=True)


def compare(
    world: World, peers: Sequence[Contestant], plans: Sequence[Plan], say: Say, *, varying: bool = True
) -> Comparison:
    """
    A round for each plan.

    Raises:
        DevstackError: somebody did not do all of the work, or did something twice.
    """
    found = Comparison((OURS, *peers))
    for number, plan in enumerate(plans, 1):
        for peer in peers:
            say(f"round {number} of {len(plans)}: ours, {peer.title}")
            found.pairs.append((run(world, OURS, plan), run(world, peer, plan)))
        if varying:
            say(f"round {number} of {len(plans)}: ours, with a provider of varying latency")
            without = Plan(plan.warm_up, plan.window, latency=0)
            found.varying.append((run(world, OURS, without), run(world, OURS, without, mode="varying")))
    return found


def _added(one: Run, name: str) -> float | None:
    """Milliseconds beyond the provider's."""
    taken: float | None = getattr(one, name)
    return None if taken is None else taken - 1000 * CONSTANT_SECONDS
