"""
The protocol as a small world that can be searched: every step that may come next, and every one that may go wrong.

Wherever a decision is taken, the dispatcher's own is asked (`dispatcher.domain.job.decide`). Around it stand the order
of the steps (claim, acknowledge, call, record, tell, mark as told) and the scheduler. Time is two moments, before and
after not_after; that a delay or a lease is over may happen at any moment, since nothing here depends on how long it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from dispatcher.domain.answers import Answer, ErrorClass
from dispatcher.domain.job import decide
from dispatcher.domain.states import (
    Act,
    Answered,
    CancelAsked,
    Capabilities,
    Happening,
    LeaseLapsed,
    LookedUp,
    ReceiptCame,
    State,
    TimeCame,
    VerdictGiven,
)
from tests.model.jobs import BEGAN, NOT_AFTER, OPERATOR, make_job
from tests.model.world import KNOWN, LOST, TAKEN, Kind, Move, Phase, Row, Worker, World, refused


@dataclass(frozen=True)
class Protocol:
    """
    What is searched: the real protocol with a provider's profile, or a way to do it wrong.

    `leases`: the scheduler looks for claims whose holder is gone. `checks_lease`: a call does not begin once its
    lease has lapsed. `calls_again`: an unclear outcome is simply called again. `believes_absence`: what a look-up
    does not find was not sent; `settles`: the look-up waits until the provider's list is complete.
    """

    can: Capabilities
    leases: bool = True
    checks_lease: bool = True
    calls_again: bool = False
    believes_absence: bool = False
    settles: bool = True

    def decide(self, row: Row, happening: Happening, now: datetime) -> tuple[Row, Act] | None:
        """The dispatcher's own decision, then what is done wrong on purpose."""
        decided = _decide(row, happening, self.can, now)
        if decided is None or now >= NOT_AFTER:
            return decided
        after, _ = decided
        blind = self.calls_again and after.state in {State.RESOLVING, State.UNKNOWN}
        absent = self.believes_absence and isinstance(happening, LookedUp) and happening.found is None
        if blind or (absent and row.state is State.RESOLVING):
            return Row(State.WAITING, row.attempt, tries=row.tries), Act.NOTHING
        return decided

    def moves(self, world: World) -> Iterator[Move]:
        """Every step that may come next."""
        for place, worker in enumerate(world.workers):
            if place and worker == world.workers[0]:
                continue  # two workers that are alike are one
            for name, kind, other, changed in self._work(world, worker):
                yield Move(name, kind, _put(other, place, changed))
            yield from _go_wrong(world, place, worker)
        yield from self._surroundings(world)

    def _work(self, world: World, worker: Worker) -> Iterator[tuple[str, Kind, World, Worker]]:
        match worker.phase:
            case Phase.FREE:
                if world.queue:
                    taken = worker._replace(phase=Phase.DELIVERED, holds=True)
                    yield "take delivery", Kind.GO, world._replace(queue=world.queue - 1), taken
                yield from self._come_due(world)
            case Phase.DELIVERED:
                yield self._claim(world, worker)
            case Phase.CLAIMED:
                sending = worker.attempt > 0
                acked = worker._replace(phase=Phase.CALLING, holds=False) if sending else Worker()
                yield "ack", Kind.GO, world, acked
            case Phase.KNOWN:
                told = world if world.row is None or not world.row.has_result else _tell(world, worker)
                yield "tell again and ack", Kind.GO, told, Worker()
            case Phase.CALLING:
                yield from self._call(world, worker)
            case Phase.LOOKING:
                yield from self._look(world, worker)
            case Phase.ANSWERED:
                yield self._record(world, worker)
            case Phase.TELLING:
                yield "tell", Kind.GO, _tell(world, worker), worker._replace(phase=Phase.TOLD)
                if world.left.lost:
                    yield "tell, confirm lost", Kind.FAULT, _tell(_spent(world, "lost"), worker), Worker()
                    yield "telling fails", Kind.FAULT, _spent(world, "lost"), Worker()
            case Phase.TOLD:
                marked = world.row
                if worker.present and marked is not None:
                    marked = marked._replace(unmarked=False)
                yield "mark as told", Kind.GO, world._replace(row=marked), Worker()

    def _claim(self, world: World, worker: Worker) -> tuple[str, Kind, World, Worker]:
        if world.row is not None:
            return "find row", Kind.GO, world, worker._replace(phase=Phase.KNOWN, present=True)
        row = Row(State.WAITING, attempt=0) if world.too_late else Row(State.SENDING, attempt=1)
        claimed = worker._replace(phase=Phase.CLAIMED, attempt=row.attempt)
        return "claim", Kind.GO, world._replace(row=row), claimed

    def _come_due(self, world: World) -> Iterator[tuple[str, Kind, World, Worker]]:
        """The scheduler: what waits, what lapsed, what was not told."""
        row = world.row
        if row is None or not self.leases:
            return
        if row.state in {State.WAITING, State.RESOLVING, State.SENDING}:
            happening: Happening = LeaseLapsed() if row.state is State.SENDING else TimeCame()
            held = any(worker.phase in _UNDER_WAY and not worker.late for worker in world.workers)
            if row.state is State.WAITING or not held:
                yield self._due(world, happening, Kind.GO)
            elif world.left.freeze:
                workers = tuple(w._replace(late=True) if w.phase in _UNDER_WAY else w for w in world.workers)
                yield self._due(_spent(world, "freeze")._replace(workers=workers, faulty=True), happening, Kind.FAULT)
        elif row.unmarked:
            yield "tell what was not told", Kind.GO, world, Worker(Phase.TELLING, present=True)

    def _due(self, world: World, happening: Happening, kind: Kind) -> tuple[str, Kind, World, Worker]:
        assert world.row is not None
        decided = self.decide(world.row, happening, world.now)
        name = type(happening).__name__
        if decided is None:
            return name, kind, world, Worker()
        row, act = decided
        if isinstance(happening, LeaseLapsed):
            world = world._replace(faulty=True)
        world = _record(world, row)
        if act is Act.CALL:
            world = world._replace(strayed=world.strayed or row.stopped)
            return f"{name}: call", kind, world, Worker(Phase.CALLING, attempt=row.attempt)
        if act is Act.LOOK_UP:
            return f"{name}: look up", kind, world, Worker(Phase.LOOKING, attempt=row.looks)
        return name, kind, world, Worker(Phase.TELLING, present=True) if row.untold else Worker()

    def _call(self, world: World, worker: Worker) -> Iterator[tuple[str, Kind, World, Worker]]:
        def answered(answer: Answer) -> Worker:
            return worker._replace(phase=Phase.ANSWERED, answer=answer)

        if world.too_late or (worker.late and self.checks_lease):
            yield "not called: too late", Kind.GO, world, answered(refused(ErrorClass.NOT_SENT))
            return
        known = self.can.same_id_again and world.copies > 0
        strayed = world.row is not None and world.row.state in {State.UNKNOWN, State.NOT_SENT}
        sent = world._replace(copies=world.copies + (not known), strayed=world.strayed or strayed)
        yield "call: accepted", Kind.GO, sent, answered(KNOWN if known else TAKEN)
        if world.left.lost:
            doubtful = _spent(sent, "lost")._replace(faulty=True)
            yield "call: accepted, answer lost", Kind.FAULT, doubtful, answered(LOST)
            yield "call: lost on its way", Kind.FAULT, doubtful._replace(copies=world.copies), answered(LOST)
        if world.left.refuse:
            for kind in ErrorClass:
                yield f"call: {kind}", Kind.FAULT, _spent(world, "refuse"), answered(refused(kind))

    def _look(self, world: World, worker: Worker) -> Iterator[tuple[str, Kind, World, Worker]]:
        def looked(found: bool) -> Worker:
            answer = LookedUp(worker.attempt, TAKEN if found else None)
            return worker._replace(phase=Phase.ANSWERED, answer=answer)

        if not self.can.look_up:
            yield "there is no look-up", Kind.GO, world, looked(found=False)
            return
        yield "look up", Kind.GO, world, looked(found=world.copies > 0)
        if not self.settles:
            yield "look up too soon", Kind.FAULT, world, looked(found=False)
        if world.left.lost:
            yield "look-up fails", Kind.FAULT, _spent(world, "lost"), looked(found=False)

    def _record(self, world: World, worker: Worker) -> tuple[str, Kind, World, Worker]:
        assert world.row is not None
        assert worker.answer is not None
        happening = worker.answer if isinstance(worker.answer, LookedUp) else Answered(worker.attempt, worker.answer)
        decided = self.decide(world.row, happening, world.now)
        if decided is None:
            return "outcome changes nothing", Kind.GO, world, Worker()
        row, act = decided
        assert act is Act.NOTHING, "whoever records an outcome does nothing else"
        telling = Worker(Phase.TELLING, present=True) if row.untold else Worker()
        return "record outcome", Kind.GO, _record(world, row), telling

    def _surroundings(self, world: World) -> Iterator[Move]:
        """The clock, the publisher, people, and the provider's receipts."""
        if not world.too_late:
            yield Move("not_after passes", Kind.FAULT, world._replace(too_late=True))
        if world.left.again:
            yield Move("published again", Kind.FAULT, _spent(world, "again")._replace(queue=world.queue + 1))
        if self.can.receipts_echo and world.copies and world.row is not None:
            yield from self._happen("receipt", Kind.GO, world, ReceiptCame("p", "SM1"))
        if world.left.verdict and world.row is not None:
            for verdict in ("sent", "not_sent"):
                given = VerdictGiven(OPERATOR, "sent" if verdict == "sent" else "not_sent")
                yield from self._happen(f"verdict {verdict}", Kind.FAULT, _spent(world, "verdict"), given)
        if world.left.cancel:
            spent = _spent(world, "cancel")
            if world.row is None:
                row = Row(State.CANCELLED, 0, has_result=True, untold=True, unmarked=True)
                yield Move("cancel comes first", Kind.FAULT, spent._replace(row=row))
            else:
                yield from self._happen("cancel", Kind.FAULT, spent, CancelAsked(OPERATOR))

    def _happen(self, name: str, kind: Kind, world: World, happening: Happening) -> Iterator[Move]:
        """What is recorded by somebody else; the scheduler tells it."""
        assert world.row is not None
        decided = self.decide(world.row, happening, world.now)
        if decided is not None:
            yield Move(name, kind, _record(world, decided[0]))


_UNDER_WAY = frozenset({Phase.CLAIMED, Phase.CALLING, Phase.LOOKING, Phase.ANSWERED})


def _go_wrong(world: World, place: int, worker: Worker) -> Iterator[Move]:
    """A crash loses what the worker knew; the broker hands out again what it held."""
    returned = world._replace(queue=world.queue + worker.holds)
    if world.left.crash and worker.phase is not Phase.FREE:
        yield Move(f"crash while {worker.phase}", Kind.FAULT, _put(_spent(returned, "crash"), place, Worker()))
    if world.left.again and worker.holds:
        lost = worker._replace(holds=False)
        yield Move("connection lost", Kind.FAULT, _put(_spent(returned, "again"), place, lost))


def _put(world: World, place: int, worker: Worker) -> World:
    workers = (*world.workers[:place], worker, *world.workers[place + 1 :])
    return world._replace(workers=_in_order(workers))


@cache
def _in_order(workers: tuple[Worker, ...]) -> tuple[Worker, ...]:
    """Which of them is called the first makes no difference."""
    return tuple(sorted(workers, key=repr))


def _spent(world: World, fault: str) -> World:
    return world._replace(left=world.left._replace(**{fault: getattr(world.left, fault) - 1}))


def _tell(world: World, worker: Worker) -> World:
    if world.row is None or not worker.present:
        return world
    return world._replace(row=world.row._replace(untold=False))


def _record(world: World, row: Row) -> World:
    """What anybody else was about to tell of the row is out of date."""
    workers = tuple(worker._replace(present=False) for worker in world.workers)
    return world._replace(row=row, workers=workers)


@cache
def _decide(row: Row, happening: Happening, can: Capabilities, now: datetime) -> tuple[Row, Act] | None:
    job = make_job(
        row.state,
        attempt=row.attempt,
        doubts=row.doubts,
        tries=row.tries,
        looks=row.looks,
        unclear=LOST if row.doubts else None,
        stopped_by=OPERATOR if row.stopped else None,
        provider_message_id=TAKEN.provider_message_id if row.found else None,
        due_at=BEGAN,
    )
    step = decide(job, happening, can, now, 0.5)
    if step is None:
        return None
    entering = step.state is State.RESOLVING and row.state is not State.RESOLVING
    if entering and can.look_up:
        assert step.due_at is not None
        assert step.due_at >= now + timedelta(seconds=can.settling_seconds), "the provider's list must settle first"
    telling = step.result is not None
    after = Row(
        state=step.state,
        attempt=step.attempt,
        doubts=step.doubts,
        tries=step.tries,
        looks=step.looks,
        found=step.provider_message_id is not None,
        by_verdict=isinstance(happening, VerdictGiven),
        stopped=step.stopped_by is not None,
        has_result=telling or row.has_result,
        untold=telling or row.untold,
        unmarked=telling or row.unmarked,
    )
    return after, step.act
