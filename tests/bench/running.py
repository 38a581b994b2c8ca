"""One run of one contestant: its processes started, fed, measured in the middle, and stopped."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime.lifecycle import loop_factory
from tests.bench.contestants import Contestant
from tests.bench.counters import Mode
from tests.bench.feed import DEPTH, Feed, feeding
from tests.bench.world import Settings, World

LATENCY_PER_SECOND = 50


@dataclass(frozen=True)
class Plan:
    """How long each part takes, in seconds; no latency is measured in none."""

    warm_up: float = 3
    window: float = 10
    latency: float = 10


@dataclass(frozen=True)
class Run:
    """What was seen: CPU in milliseconds per message, RSS in megabytes, latencies in milliseconds."""

    contestant: str
    messages: int
    per_second: float
    cpu: Mapping[str, float]
    rss: Mapping[str, float]
    p50: float | None = None
    p99: float | None = None

    @property
    def all_cpu(self) -> float:
        """Of the contestant's processes, broker and database."""
        return sum(self.cpu[name] for name in COUNTED)


COUNTED = ("dispatcher", "tracker", "broker", "database")
"""Whose CPU is the contestant's: not the fake provider's, and not ours."""


def run(
    world: World,
    contestant: Contestant,
    plan: Plan,
    *,
    mode: Mode = "constant",
    settings: Settings | None = None,
    depth: int = DEPTH,
) -> Run:
    """
    Start it, feed it, measure, stop it.

    Raises:
        DevstackError: it did not start, did not do all, or did something twice.
    """
    try:
        world.start(contestant, settings)
        world.counters.mode = mode
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_measured(world, contestant, plan, depth))
    finally:
        world.counters.mode = "constant"
        world.stop(contestant)


async def _measured(world: World, contestant: Contestant, plan: Plan, depth: int) -> Run:
    async with feeding(world, contestant) as feed:
        found = await _throughput(world, contestant, feed, plan, depth)
        if not plan.latency:
            return found
    async with feeding(world, contestant) as feed:
        p50, p99 = await _latency(feed, plan.latency)
        return Run(found.contestant, found.messages, found.per_second, found.cpu, found.rss, p50, p99)


async def _throughput(world: World, contestant: Contestant, feed: Feed, plan: Plan, depth: int) -> Run:
    async with feed.closed_loop(depth):
        await asyncio.sleep(plan.warm_up)
        before, began, done_before = world.usage(contestant, [feed.ears]), time.monotonic(), await feed.count()
        await asyncio.sleep(plan.window)
        after, ended, done = world.usage(contestant, [feed.ears]), time.monotonic(), await feed.count()
    await feed.settle()
    messages = done - done_before
    cpu = {name: 1000 * seconds / max(1, messages) for name, seconds in after.cpu_since(before).items()}
    return Run(contestant.name, messages, messages / (ended - began), cpu, after.rss)


async def _latency(feed: Feed, seconds: float) -> tuple[float, float]:
    at = await feed.open_loop(LATENCY_PER_SECOND, seconds)
    await feed.settle()
    taken = sorted([1000 * one for one in await feed.latencies(at)])
    return percentile(taken, 0.5), percentile(taken, 0.99)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]
