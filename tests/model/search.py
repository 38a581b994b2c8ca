"""Searches every world that a protocol can come to, and tells the way to one that must not be."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.model.protocol import Protocol
from tests.model.world import Faults, Kind, Phase, Worker, World


class Wrong(AssertionError):
    """A world that must not be, with the steps that lead there."""


@dataclass(frozen=True)
class Searched:
    """
    All worlds that can be reached, and where nothing more happens by itself.

    `most_copies`: what the customer may get at worst.
    """

    worlds: Mapping[World, tuple[World, str] | None]
    ends: Sequence[World]
    most_copies: int

    def way_to(self, world: World) -> str:
        """The steps that lead to a world."""
        names = []
        came = self.worlds[world]
        while came is not None:
            world, name = came
            names.append(name)
            came = self.worlds[world]
        return " · ".join(reversed(names))

    def must(self, holds: Callable[[World], bool], what: str, worlds: Iterable[World] | None = None) -> None:
        """
        Every world must be so.

        Raises:
            Wrong: one is not.
        """
        for world in self.worlds if worlds is None else worlds:
            if not holds(world):
                raise Wrong(f"{what}: {self.way_to(world)}\n{world}")


def search(protocol: Protocol, faults: Faults, *, workers: int = 2) -> Searched:
    """
    Breadth first, so that the way to what is wrong is the shortest.

    Raises:
        Wrong: a world from which nothing leads to an end without a further fault.
    """
    start = World(1, None, (Worker(),) * workers, copies=0, too_late=False, left=faults)
    worlds: dict[World, tuple[World, str] | None] = {start: None}
    before: dict[World, list[World]] = {}
    ends = []
    waiting = deque([start])
    while waiting:
        world = waiting.popleft()
        goes = False
        for name, kind, to in protocol.moves(world):
            if kind is Kind.GO and to != world:
                goes = True
                before.setdefault(to, []).append(world)
            if to not in worlds:
                worlds[to] = (world, name)
                waiting.append(to)
        if not goes:
            ends.append(world)
    found = Searched(worlds, ends, max(world.copies for world in worlds))
    _all_lead_to(found, before)
    return found


def _all_lead_to(found: Searched, before: Mapping[World, Sequence[World]]) -> None:
    """Wherever it stands, it can get to an end without further faults: nothing turns in circles for ever."""
    reached = set(found.ends)
    waiting = deque(found.ends)
    while waiting:
        for earlier in before.get(waiting.popleft(), ()):
            if earlier not in reached:
                reached.add(earlier)
                waiting.append(earlier)
    found.must(lambda world: world in reached, "it never ends")


def at_rest(world: World) -> bool:
    """Nobody is busy and nothing waits in the queue."""
    return not world.queue and all(worker.phase is Phase.FREE for worker in world.workers)
