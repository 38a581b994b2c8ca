"""Everything that matters at one moment of the protocol: a queue, a row, two workers, and what may still go wrong."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.states import LookedUp, State
from proactive_contracts.reasons import FailureReason
from tests.model.jobs import BEGAN, NOT_AFTER

TAKEN = Accepted("SM1")
KNOWN = Accepted("SM1", duplicate=True)
LOST = Unclear("no answer")


def refused(kind: ErrorClass) -> Refused:
    """A definite refusal of this kind."""
    return Refused(kind, FailureReason.OTHER, "no", retry_after_seconds=2.0)


class Phase(StrEnum):
    """How far a worker is with what it does."""

    FREE = "free"
    DELIVERED = "delivered"  # it holds a delivery and has not looked at the row
    CLAIMED = "claimed"  # the row is committed, the delivery is not acknowledged
    KNOWN = "known"  # the row was there before: what became of it is told again, then acknowledged
    CALLING = "calling"
    LOOKING = "looking"
    ANSWERED = "answered"  # nothing is recorded yet
    TELLING = "telling"
    TOLD = "told"  # it is not marked as told


class Worker(NamedTuple):
    """
    One worker. `holds`: a delivery that it has not acknowledged. `late`: its lease has lapsed meanwhile. `present`:
    what it is about to tell is still what the row says last.
    """

    phase: Phase = Phase.FREE
    holds: bool = False
    attempt: int = 0
    late: bool = False
    answer: Answer | LookedUp | None = None
    present: bool = False


class Row(NamedTuple):
    """dispatch.job, as far as it matters here; `untold`: its result was published nowhere, `unmarked`: or is not known
    to have been."""

    state: State
    attempt: int
    doubts: tuple[int, ...] = ()
    tries: int = 0
    looks: int = 0
    found: bool = False
    by_verdict: bool = False
    stopped: bool = False
    has_result: bool = False
    untold: bool = False
    unmarked: bool = False


class Faults(NamedTuple):
    """How often each may still happen."""

    crash: int = 0
    lost: int = 0
    """Answers, confirms and look-ups that do not arrive."""
    refuse: int = 0
    again: int = 0
    """The publisher publishes the event once more, or the broker hands out a delivery that is still in hand."""
    freeze: int = 0
    """A worker is so slow that its lease lapses."""
    cancel: int = 0
    verdict: int = 0


class World(NamedTuple):
    """Everything at one moment. `copies`: what the customer got. `faulty`: an outcome may be in doubt by rights."""

    queue: int
    row: Row | None
    workers: tuple[Worker, ...]
    copies: int
    too_late: bool
    left: Faults
    faulty: bool = False
    strayed: bool = False
    """A call began after people could decide that it was not sent, or was decided on after they had stopped it."""

    @property
    def now(self) -> datetime:
        """One of two moments."""
        return NOT_AFTER + timedelta(hours=1) if self.too_late else BEGAN


class Kind(StrEnum):
    """What makes a step happen. Whatever may go wrong need not: only `go` can be relied upon."""

    GO = "go"
    FAULT = "fault"


class Move(NamedTuple):
    """One step from a world to another."""

    name: str
    kind: Kind
    to: World
