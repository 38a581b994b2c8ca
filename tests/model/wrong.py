"""The ways to do it that were decided against: what the search must find wrong, or it would find nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from dispatcher.domain.answers import Unclear
from dispatcher.domain.states import State
from tests.model.protocol import Protocol
from tests.model.world import Kind, Phase, Row, Worker, World

Step = tuple[str, Kind, World, Worker]


@dataclass(frozen=True)
class CallFirst(Protocol):
    """
    Call, then acknowledge; what is unclear goes back to the queue. That is how most gateways do it.

    `remembers`: between the two it is written down that it was sent, and a later delivery is compared with that.
    """

    remembers: bool = False

    def _claim(self, world: World, worker: Worker) -> Step:
        if world.row is not None:
            return "known already, ack", Kind.GO, world, Worker()
        return "call at once", Kind.GO, world, worker._replace(phase=Phase.CALLING)

    def _come_due(self, world: World) -> Iterator[Step]:
        yield from ()

    def _record(self, world: World, worker: Worker) -> Step:
        if isinstance(worker.answer, Unclear):
            return "back to the queue", Kind.GO, world._replace(queue=world.queue + 1), Worker()
        if not self.remembers:
            return "ack", Kind.GO, world, Worker()
        return "remember", Kind.GO, world._replace(row=Row(State.ACCEPTED, 1)), worker._replace(phase=Phase.TOLD)
