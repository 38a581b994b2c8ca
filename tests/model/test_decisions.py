"""
Arbitrary histories of one job against the pure decision: answers in any order and however late, time, lapses,
cancels, verdicts, receipts and look-ups. What must hold is asserted at every step.

Unlike the search in test_protocol.py, which is exhaustive and small, this one is random and long.
"""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear, clean
from dispatcher.domain.delays import LONGEST_RETRY_AFTER, MAX_NOT_SENT, MAX_REFUSED, most_looks
from dispatcher.domain.job import decide
from dispatcher.domain.states import (
    Act,
    Answered,
    CancelAsked,
    Capabilities,
    Happening,
    HeldBack,
    LeaseLapsed,
    LookedUp,
    ReceiptCame,
    State,
    Step,
    TimeCame,
    VerdictGiven,
)
from proactive_contracts.codec import decode, encode, make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.results import Earlier, SendResolved
from proactive_contracts.status import Status
from proactive_contracts.values import Lane
from tests.model.jobs import BEGAN, EVENT_ID, LEASE, NOT_AFTER, OPERATOR, PROFILES, REQUEST, after, make_job

NOTHING_SENT = frozenset({State.FAILED, State.CANCELLED, State.EXPIRED})
UNDECIDED = frozenset({State.WAITING, State.SENDING, State.RESOLVING})

ALLOWED = {
    State.WAITING: {State.SENDING, State.EXPIRED, State.CANCELLED, State.FAILED, State.ACCEPTED, State.WAITING},
    State.SENDING: {
        State.SENDING,
        State.WAITING,
        State.FAILED,
        State.CANCELLED,
        State.EXPIRED,
        State.RESOLVING,
        State.UNKNOWN,
        State.ACCEPTED,
    },
    State.RESOLVING: {
        State.RESOLVING,
        State.WAITING,
        State.FAILED,
        State.CANCELLED,
        State.EXPIRED,
        State.UNKNOWN,
        State.ACCEPTED,
    },
    State.UNKNOWN: {State.UNKNOWN, State.ACCEPTED, State.FAILED, State.EXPIRED, State.NOT_SENT},
    State.NOT_SENT: {State.ACCEPTED},
    State.ACCEPTED: {State.ACCEPTED},
    State.FAILED: set(),
    State.CANCELLED: set(),
    State.EXPIRED: set(),
}
"""Where each state may lead: the chart in the docstring of dispatcher.domain.job."""

words = st.text(max_size=30).map(lambda text: clean(text, 1200))
refusals = st.builds(
    Refused,
    error_class=st.sampled_from(ErrorClass),
    reason=st.sampled_from(FailureReason),
    detail=words,
    retry_after_seconds=st.none() | st.floats(allow_nan=False, min_value=-1e12, max_value=1e12),
    recipient_only=st.booleans(),
)
unclear = st.builds(Unclear, detail=words)
rarely = st.integers(min_value=0, max_value=7).map(lambda number: number == 7)
taken_or_known = st.builds(Accepted, st.just("SM1"), duplicate=st.booleans())
answers: st.SearchStrategy[Answer] = st.one_of(
    unclear, refusals, refusals, rarely.flatmap(lambda taken: taken_or_known if taken else unclear)
)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)
everything = Capabilities("p", same_id_again=True, look_up=True, receipts_echo=True)
profiles = st.sampled_from([*PROFILES.values(), everything])


class Decisions(RuleBasedStateMachine):
    """
    One job after another, the calls that are under way for it, and whoever disturbs it.

    `open`: attempts that began and whose caller may still answer, now or much later. `refused`: attempts that were
    definitely refused. `counted`: how often it was put off, by the kind of refusal.
    """

    @initialize(can=profiles, lane=st.sampled_from(Lane), held=st.booleans())
    def claim(self, can: Capabilities, lane: Lane, held: bool) -> None:
        self.can = can
        self.now = BEGAN
        self.open: set[int] = set() if held else {1}
        self.refused: set[int] = set()
        self.counted: dict[ErrorClass, int] = {}
        self.looking: set[int] = set()
        state = State.WAITING if held else State.SENDING
        self.job = make_job(state, lane=lane, due_at=BEGAN if held else BEGAN + LEASE)

    @rule(can=profiles, lane=st.sampled_from(Lane), held=st.booleans())
    @precondition(lambda self: self.job.state in NOTHING_SENT | {State.ACCEPTED})
    def claim_another(self, can: Capabilities, lane: Lane, held: bool) -> None:
        self.claim(can, lane, held)

    # -- what may happen

    @rule(passed=st.sampled_from([0.5, 5, 60, 300]) | st.floats(min_value=0, max_value=400))
    def time_passes(self, passed: float) -> None:
        self.now += timedelta(seconds=passed)

    @rule(
        chance=chances,
        too_late=rarely,
        earlier=st.lists(st.builds(Earlier, status=st.sampled_from(Status), since=st.just(BEGAN)), max_size=1),
        is_resend=rarely,
    )
    @precondition(lambda self: self.job.state in UNDECIDED)
    def come_due(self, chance: float, too_late: bool, earlier: list[Earlier], is_resend: bool) -> None:
        """The scheduler looks at it once its time has come, or long after that."""
        assert self.job.due_at is not None
        self.now = max(self.now, self.job.due_at, self.job.not_after if too_late else BEGAN)
        lapsed = self.job.state is State.SENDING
        self.happen(LeaseLapsed() if lapsed else TimeCame(earlier if is_resend else ()), chance)

    @rule(times=st.integers(min_value=1, max_value=5), chance=chances)
    @precondition(lambda self: self.job.state is State.RESOLVING)
    def nothing_is_found(self, times: int, chance: float) -> None:
        """Some looks one after the other, or calls under the same id, that tell nothing."""
        for _ in range(times):
            if self.job.state is State.RESOLVING:
                self.come_due(chance, False, [], False)
                if self.looking:
                    self.happen(LookedUp(self.looking.pop(), None), chance)
                elif self.job.attempt in self.open:
                    self.happen(Answered(self.job.attempt, Unclear("no answer")), chance)

    @rule(answer=answers, data=st.data(), chance=chances)
    @precondition(lambda self: bool(self.open))
    def caller_answers(self, answer: Answer, data: st.DataObject, chance: float) -> None:
        """The caller of any attempt, also one whose lease lapsed long ago; one that has no answer may get one yet."""
        attempt = data.draw(st.sampled_from(sorted(self.open)))
        if not isinstance(answer, Unclear):
            self.open.discard(attempt)
        if isinstance(answer, Refused):
            self.refused.add(attempt)
        self.happen(Answered(attempt, answer), chance)

    @rule(attempt=st.integers(min_value=-1, max_value=30), answer=refusals | unclear)
    def stranger_answers(self, attempt: int, answer: Answer) -> None:
        """For an attempt that never began, or is refused already: nothing may come of it."""
        if attempt in self.refused or not 1 <= attempt <= self.job.attempt:
            before = self.job
            self.happen(Answered(attempt, answer))
            assert self.job == before

    @rule(why=refusals, later=st.floats(min_value=0, max_value=1000), really=rarely)
    @precondition(lambda self: self.job.state is State.WAITING)
    def sender_is_held_back(self, why: Refused, later: float, really: bool) -> None:
        if really:
            self.happen(HeldBack(why, self.now + timedelta(seconds=later)))

    @rule(really=rarely)
    def somebody_cancels(self, really: bool) -> None:
        before = self.job.state
        if really or before not in UNDECIDED:
            self.happen(CancelAsked(OPERATOR))
            assert (self.job.state is State.CANCELLED) is (before in {State.WAITING, State.CANCELLED})

    @rule(verdict=st.sampled_from(["sent", "not_sent"]), really=rarely)
    def somebody_decides(self, verdict: str, really: bool) -> None:
        before = self.job
        decidable = before.state in {State.UNKNOWN, State.NOT_SENT}
        if really or not decidable:
            self.happen(VerdictGiven(OPERATOR, "sent" if verdict == "sent" else "not_sent"))
            assert decidable or self.job == before, "only what is unknown is a person's to decide"

    @rule(really=rarely)
    @precondition(lambda self: self.job.state not in NOTHING_SENT and self.job.attempt > len(self.refused))
    def receipt_comes(self, really: bool) -> None:
        if really:
            self.happen(ReceiptCame("p", "SM1"))
            assert self.job.state is State.ACCEPTED

    @rule(found=rarely, data=st.data(), chance=chances)
    @precondition(lambda self: bool(self.looking))
    def look_ends(self, found: bool, data: st.DataObject, chance: float) -> None:
        look = data.draw(st.sampled_from(sorted(self.looking)))
        self.looking.discard(look)
        self.happen(LookedUp(look, Accepted("SM1") if found and self.job.doubts else None), chance)

    # -- what must hold

    def happen(self, happening: Happening, chance: float = 0.5) -> None:
        job = self.job
        step = decide(job, happening, self.can, self.now, chance)
        if step is None:
            return
        assert step.state in ALLOWED[job.state], f"{job.state} → {step.state} by {happening}"
        self.doubts_only_go_by_their_own_answer(happening, step)
        self.nothing_leaves_too_late_or_twice(step)
        self.due_times_keep_their_bounds(happening, step)
        self.limits_are_kept(happening, step)
        if step.result is not None:
            told = make_event(step.result, id=EVENT_ID, time=self.now, source="test", causation=EVENT_ID)
            assert decode(encode(told)) == told
        self.job = after(job, step, self.now)
        if step.act is Act.CALL:
            self.open.add(step.attempt)
        if step.act is Act.LOOK_UP:
            self.looking.add(step.looks)

    def doubts_only_go_by_their_own_answer(self, happening: Happening, step: Step) -> None:
        gone = set(self.job.doubts) - set(step.doubts)
        if not gone or step.state is State.ACCEPTED:
            return
        assert isinstance(happening, Answered)
        assert isinstance(happening.answer, Refused)
        assert gone == {happening.attempt}

    def nothing_leaves_too_late_or_twice(self, step: Step) -> None:
        if step.act is not Act.CALL:
            assert step.attempt == self.job.attempt, "attempts are counted where a call begins"
            return
        assert self.now < self.job.not_after
        assert self.job.stopped_by is None, "it was to be stopped"
        assert step.attempt == self.job.attempt + 1
        if step.state is State.SENDING:
            assert self.refused == set(range(1, step.attempt)), "every call before is known to have sent nothing"
        else:
            assert (step.state, self.can.same_id_again) == (State.RESOLVING, True)
            assert step.attempt in step.doubts

    def due_times_keep_their_bounds(self, happening: Happening, step: Step) -> None:
        if step.act is not Act.NOTHING:
            assert step.due_at is None
            return
        if step.state not in UNDECIDED:
            assert step.due_at is None or step.due_at == self.job.due_at
            return
        assert step.due_at is not None, "nobody would ever look at it again"
        if isinstance(happening, HeldBack):
            assert step.due_at < self.job.not_after
            return
        kept = step.due_at == self.job.due_at
        assert kept or self.now <= step.due_at <= self.now + timedelta(seconds=LONGEST_RETRY_AFTER + 1)
        if step.state is State.WAITING and not isinstance(happening, TimeCame):
            assert step.due_at < self.job.not_after
        if isinstance(happening, Answered) and isinstance(happening.answer, Refused):
            least = 1.0 if happening.answer.error_class is ErrorClass.THROTTLED else 0.0
            assert kept or step.due_at >= self.now + timedelta(seconds=least)
        if step.state is State.RESOLVING and self.job.state is State.SENDING and not self.can.same_id_again:
            assert step.due_at >= self.now + timedelta(seconds=self.can.settling_seconds), "the list must settle first"

    def limits_are_kept(self, happening: Happening, step: Step) -> None:
        assert step.looks <= most_looks(self.can)
        assert step.tries <= MAX_NOT_SENT
        again = step.state is State.WAITING and isinstance(happening, Answered)
        if again and isinstance(happening, Answered) and isinstance(happening.answer, Refused):
            kind = happening.answer.error_class
            assert kind is not ErrorClass.REJECTED
            assert kind is not ErrorClass.BLOCKED or self.job.lane is Lane.BULK
            self.counted[kind] = self.counted.get(kind, 0) + 1
            assert self.counted.get(ErrorClass.NOT_SENT, 0) < MAX_NOT_SENT
            assert self.counted.get(ErrorClass.REFUSED_TEMPORARILY, 0) < MAX_REFUSED

    @invariant()
    def doubts_and_state_agree(self) -> None:
        job = self.job
        assert set(job.doubts) <= set(range(1, job.attempt + 1))
        if job.state not in {State.ACCEPTED, State.NOT_SENT}:  # what a person said is not touched by a late refusal
            assert not self.refused & set(job.doubts)
        if job.state in {State.RESOLVING, State.UNKNOWN}:
            assert job.doubts
        if job.state in {State.WAITING, State.SENDING} | NOTHING_SENT:
            assert job.doubts == ()

    @invariant()
    def what_is_called_not_sent_was_refused_every_time(self) -> None:
        if self.job.state in NOTHING_SENT:
            assert self.refused == set(range(1, self.job.attempt + 1))


Decisions.TestCase.settings = settings(
    max_examples=400, stateful_step_count=80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


TestDecisions = Decisions.TestCase


def test_answer_of_an_attempt_that_is_in_no_doubt_any_more_changes_nothing() -> None:
    resolving = make_job(State.RESOLVING, attempt=3, doubts=(1, 2), looks=1, due_at=BEGAN)
    assert decide(resolving, Answered(3, Unclear("?")), PROFILES["same id again"], BEGAN, 0) is None


def test_verdict_of_sent_gives_way_to_nothing_but_the_providers_own_word() -> None:
    """And what a person called not sent is sent after all when the provider says so, however late."""
    unknown = make_job(State.UNKNOWN, doubts=(1,), unclear=Unclear("?"))
    can = PROFILES["receipts"]
    for verdict in ("sent", "not_sent"):
        given = VerdictGiven(OPERATOR, "sent" if verdict == "sent" else "not_sent")
        step = decide(unknown, given, can, NOT_AFTER, 0)
        assert step is not None
        assert isinstance(step.result, SendResolved)
        decided = after(unknown, step, NOT_AFTER)
        refused = Answered(1, Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no"))
        assert decide(decided, refused, can, NOT_AFTER, 0) is None
        late = decide(decided, ReceiptCame("p", "SM1"), can, NOT_AFTER, 0)
        assert late is not None
        assert (late.state, late.provider_message_id) == (State.ACCEPTED, "SM1")
        assert late.result is not None
        assert late.result.message_id == REQUEST.message_id
