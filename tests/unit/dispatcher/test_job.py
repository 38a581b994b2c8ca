"""The one decision: what an answer, the clock, a person or a receipt makes of a job, and what it may never become."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear, clean
from dispatcher.domain.delays import LONGEST_RETRY_AFTER, MAX_NOT_SENT, MAX_REFUSED, look_delay, retry_delay
from dispatcher.domain.job import decide
from dispatcher.domain.resends import (
    RECEIPT_ORDER,
    receipt_word,
    refuse_resend,
    replaced_by,
    status_of,
    stopped_before,
    under_way,
)
from dispatcher.domain.states import (
    Act,
    Answered,
    CancelAsked,
    Capabilities,
    Happening,
    HeldBack,
    Job,
    LeaseLapsed,
    LookedUp,
    ReceiptCame,
    RepeatsSent,
    State,
    Step,
    TimeCame,
    VerdictGiven,
)
from proactive_contracts.codec import decode, encode, make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus
from proactive_contracts.results import (
    Earlier,
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Lane, Service
from tests.unit.dispatcher.builders import CHANNEL_ID, MESSAGE_ID, NOW, make_event_of, make_job, make_request

NOTHING = Capabilities("plain")
TWILIO = Capabilities("twilio", look_up=True, receipts_echo=True, settling_seconds=15)
INFOBIP = Capabilities("infobip", same_id_again=True, receipts_echo=True)
META = Capabilities("meta", receipts_echo=True, settling_seconds=15)

REJECTED = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "No such number.", "21211")
NOT_SENT = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "Nothing was sent.")
THROTTLED = Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "Too many.", "20429", 30)
LATER = Refused(ErrorClass.REFUSED_TEMPORARILY, FailureReason.PROVIDER_BUSY, "Not now.", "21")
BLOCKED = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "No money.")

LEFT = timedelta(minutes=15)
ADMIN = Service(name="test")


def a_job(state: State, /, **changes: Any) -> Job:
    defaults: dict[str, Any] = {"doubts": (1,) if state in {State.RESOLVING, State.UNKNOWN, State.NOT_SENT} else ()}
    return make_job(make_request(), state=state, **defaults | changes)


def after(job: Job, happening: Happening, can: Capabilities = NOTHING, chance: float = 0.5, **at: float) -> Step:
    step = decide(job, happening, can, NOW + timedelta(**at), chance)
    assert step is not None
    return step


def unchanged(job: Job, happening: Happening, can: Capabilities = NOTHING) -> bool:
    return decide(job, happening, can, NOW, 0.5) is None


@pytest.mark.parametrize(
    ("answer", "minutes", "state", "result"),
    [
        (Accepted("SM1", 2), 0, State.ACCEPTED, SendAccepted),
        (Accepted("SM1"), 16, State.ACCEPTED, SendAccepted),
        (REJECTED, 0, State.FAILED, SendFailed),
        (REJECTED, 16, State.FAILED, SendFailed),
        (NOT_SENT, 0, State.WAITING, SendDeferred),
        (NOT_SENT, 16, State.EXPIRED, SendExpired),
        (LATER, 0, State.WAITING, SendDeferred),
        (LATER, 16, State.FAILED, SendFailed),
        (THROTTLED, 0, State.WAITING, SendDeferred),
        (THROTTLED, 16, State.FAILED, SendFailed),
        (BLOCKED, 0, State.FAILED, SendFailed),
        (Unclear("?"), 0, State.UNKNOWN, SendUnknown),
        (Unclear("?"), 16, State.UNKNOWN, SendUnknown),
    ],
)
def test_answer_settles_its_attempt(answer: Answer, minutes: int, state: State, result: type) -> None:
    step = after(a_job(State.SENDING, attempt=3), Answered(3, answer), minutes=minutes)
    assert step.state is state
    assert type(step.result) is result
    assert step.result.attempt == 3  # type: ignore[union-attr]


def test_refusal_carries_the_providers_words() -> None:
    failed = after(a_job(State.SENDING), Answered(1, REJECTED), TWILIO).result
    assert isinstance(failed, SendFailed)
    assert (failed.reason, failed.provider, failed.provider_code) == (FailureReason.INVALID_NUMBER, "twilio", "21211")
    assert failed.detail == "No such number."


def test_retry_is_told_with_its_reason_and_its_time() -> None:
    step = after(a_job(State.SENDING), Answered(1, THROTTLED), TWILIO)
    deferred = step.result
    assert isinstance(deferred, SendDeferred)
    assert (deferred.reason, deferred.provider_code) == (FailureReason.PROVIDER_BUSY, "20429")
    assert deferred.due_at == step.due_at == NOW + timedelta(seconds=30)
    assert deferred.not_after == NOW + LEFT


def test_retry_that_would_come_too_late_fails_now_in_the_providers_words() -> None:
    job = a_job(State.SENDING, not_after=NOW + timedelta(seconds=29))
    failed = after(job, Answered(1, THROTTLED), TWILIO).result
    assert isinstance(failed, SendFailed)
    assert (failed.reason, failed.detail) == (FailureReason.PROVIDER_BUSY, "Too many.")


@pytest.mark.parametrize(("refused", "most"), [(NOT_SENT, MAX_NOT_SENT), (LATER, MAX_REFUSED)])
def test_tries_come_to_an_end(refused: Refused, most: int) -> None:
    job, calls = a_job(State.SENDING), 1
    while (step := after(job, Answered(job.attempt, refused), chance=0)).state is State.WAITING:
        job = called(replace(job, **kept(step)))
        calls += 1
    assert (step.state, calls) == (State.FAILED, most)


def test_throttled_attempts_are_not_counted() -> None:
    job = a_job(State.SENDING)
    for _ in range(50):
        step = after(job, Answered(job.attempt, replace(THROTTLED, retry_after_seconds=1)))
        job = called(replace(job, **kept(step)))
    assert (job.tries, job.attempt) == (0, 51)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(30, 30), (0, 1), (-5, 1), (0.2, 1), (1e9, LONGEST_RETRY_AFTER), (None, 8)],
)
def test_retry_after_is_believed_within_reason(asked: float | None, seconds: float) -> None:
    assert retry_delay(replace(THROTTLED, retry_after_seconds=asked), 0, 3, 0.5) == seconds


@given(tries=st.integers(0, 7), chance=st.floats(0, 1, exclude_max=True))
def test_jitter_is_full_and_bounded(tries: int, chance: float) -> None:
    not_sent, refused = (retry_delay(one, tries, 40, chance) for one in (NOT_SENT, LATER))
    assert not_sent is not None
    assert refused is not None
    assert 0 <= not_sent <= min(60, 2**tries)
    assert 0 <= refused <= min(300, 5 * 2**tries)


@pytest.mark.parametrize(("lane", "state"), [(Lane.INTERACTIVE, State.FAILED), (Lane.BULK, State.WAITING)])
def test_blocked_channel_fails_people_at_once_and_keeps_services_waiting(lane: Lane, state: State) -> None:
    step = after(a_job(State.SENDING, lane=lane), Answered(1, BLOCKED))
    assert (step.state, step.tries) == (state, 0)
    assert after(a_job(State.WAITING, lane=lane), HeldBack(BLOCKED, NOW + timedelta(minutes=1))).state is state


def test_held_back_job_keeps_its_place_and_is_told_when_it_may_go() -> None:
    paused = Refused(ErrorClass.THROTTLED, FailureReason.CHANNEL_PAUSED, "Paused.")
    until = NOW + timedelta(minutes=1)
    job = a_job(State.WAITING, due_at=NOW)
    step = after(job, HeldBack(paused, until))
    assert isinstance(step.result, SendDeferred)
    assert (step.due_at, step.result.due_at) == (NOW, until)
    assert after(job, HeldBack(paused, until), minutes=20).state is State.EXPIRED
    assert all(unchanged(a_job(state), HeldBack(paused, until)) for state in State if state is not State.WAITING)


@pytest.mark.parametrize(
    ("can", "state", "told"),
    [
        (NOTHING, State.UNKNOWN, SendUnknown),
        (TWILIO, State.RESOLVING, SendStarted),
        (INFOBIP, State.RESOLVING, SendStarted),
        (META, State.RESOLVING, SendStarted),
    ],
)
@pytest.mark.parametrize("happening", [Answered(1, Unclear("HTTP 500", "5")), LeaseLapsed()], ids=["unclear", "lapsed"])
def test_doubt_is_resolved_by_what_the_provider_offers(
    can: Capabilities, state: State, told: type, happening: Happening
) -> None:
    step = after(a_job(State.SENDING), happening, can)
    assert (step.state, step.doubts, type(step.result)) == (state, (1,), told)


def test_look_ups_wait_for_the_list_to_settle_and_end_as_unknown_in_the_first_answers_words() -> None:
    job = moved(a_job(State.SENDING), after(a_job(State.SENDING), Answered(1, Unclear("HTTP 500", "5")), TWILIO))
    looks = 0
    while job.state is State.RESOLVING:
        assert job.due_at is not None
        assert job.due_at >= NOW + timedelta(seconds=15)
        step = after(job, TimeCame(), TWILIO)
        assert (step.act, step.attempt) == (Act.LOOK_UP, 1)
        looks += 1
        job = moved(job, step)
        step = after(job, LookedUp(job.looks, None), TWILIO)
        job = moved(job, step)
    assert looks == 3
    assert isinstance(step.result, SendUnknown)
    assert (step.result.detail, step.result.provider_code) == ("HTTP 500", "5")


@pytest.mark.parametrize("state", list(State))
def test_only_a_waiting_resend_is_refused_before_its_turn(state: State) -> None:
    sent = RepeatsSent(Earlier(status=Status.DELIVERED, since=NOW))
    if state is not State.WAITING:
        assert unchanged(a_job(state), sent)
        return
    step = after(a_job(state, attempt=1), sent)
    assert isinstance(step.result, SendFailed)
    assert (step.state, step.act, step.result.reason) == (State.FAILED, Act.NOTHING, FailureReason.ALREADY_SENT)
    assert unchanged(a_job(state), RepeatsSent(Earlier(status=Status.FAILED, since=NOW)))


def test_look_up_without_an_answer_is_no_look_for_a_while() -> None:
    job = replace(a_job(State.RESOLVING, looks=0), called_at=NOW, not_after=NOW + timedelta(hours=5))
    minute = 0.0
    for _ in range(10):
        step = after(job, TimeCame(), TWILIO, minutes=minute)
        assert (step.act, step.looks) == (Act.LOOK_UP, 1)
        job = moved(job, step)
        job = moved(job, after(job, LookedUp(1, None, answered=False), TWILIO, minutes=minute))
        assert (job.state, job.looks) == (State.RESOLVING, 0)
        assert job.due_at is not None
        assert job.due_at >= NOW + timedelta(minutes=minute, seconds=15)
        minute += 1
    counted = 0
    while job.state is State.RESOLVING:
        minute += 5
        step = after(job, TimeCame(), TWILIO, minutes=minute)
        if step.act is Act.LOOK_UP:
            counted += 1
            step = after(moved(job, step), LookedUp(step.looks, None, answered=False), TWILIO, minutes=minute)
        job = moved(job, step)
    assert (counted, job.state) == (3, State.UNKNOWN)


def test_last_look_after_not_after_counts_though_nobody_answered() -> None:
    job = a_job(State.RESOLVING, looks=0)
    job = moved(job, after(job, TimeCame(), TWILIO, minutes=16))
    job = moved(job, after(job, LookedUp(1, None, answered=False), TWILIO, minutes=16))
    assert (job.state, job.looks) == (State.RESOLVING, 1)
    assert after(job, TimeCame(), TWILIO, minutes=17).state is State.UNKNOWN


def test_look_up_that_finds_it_confirms() -> None:
    for state in (State.RESOLVING, State.UNKNOWN, State.NOT_SENT):
        step = after(a_job(state, looks=1), LookedUp(1, Accepted("SM7", 2)), TWILIO)
        assert isinstance(step.result, SendAccepted)
        assert (step.state, step.result.provider_message_id, step.doubts) == (State.ACCEPTED, "SM7", ())


@pytest.mark.parametrize("state", [state for state in State if state is not State.RESOLVING])
def test_look_up_without_a_find_changes_nothing_where_nobody_looks(state: State) -> None:
    assert unchanged(a_job(state, looks=1), LookedUp(1, None), TWILIO)


def test_old_look_does_not_count_for_a_newer_one() -> None:
    assert unchanged(a_job(State.RESOLVING, looks=2), LookedUp(1, None), TWILIO)


def test_find_of_a_job_that_was_refused_is_not_its_own() -> None:
    assert unchanged(a_job(State.WAITING, attempt=1), LookedUp(1, Accepted("SM7")), TWILIO)


def test_same_id_again_is_a_new_attempt_in_doubt_from_its_start() -> None:
    step = after(a_job(State.RESOLVING), TimeCame(), INFOBIP)
    assert (step.state, step.act, step.attempt, step.doubts) == (State.RESOLVING, Act.CALL, 2, (1, 2))
    job = moved(a_job(State.RESOLVING), step)
    refused = moved(job, after(job, Answered(2, REJECTED), INFOBIP))
    assert (refused.state, refused.doubts) == (State.RESOLVING, (1,))
    assert after(refused, Answered(1, REJECTED), INFOBIP).state is State.FAILED
    assert after(job, Answered(1, Accepted("SM1")), INFOBIP).state is State.ACCEPTED


def test_duplicate_confirms_an_earlier_attempt_that_is_in_doubt() -> None:
    known = Accepted("w1.x", duplicate=True)
    job = a_job(State.RESOLVING, attempt=2, doubts=(1, 2))
    assert after(job, Answered(2, known), INFOBIP).state is State.ACCEPTED
    assert after(replace(job, state=State.UNKNOWN), Answered(2, known), INFOBIP).state is State.ACCEPTED


@pytest.mark.parametrize(("state", "doubts"), [(State.SENDING, ()), (State.RESOLVING, (2,))])
def test_duplicate_that_no_attempt_explains_is_unknown_and_not_asked_again(
    state: State, doubts: tuple[int, ...]
) -> None:
    """The first attempt was refused for now: its id may be known all the same, or belong to somebody else."""
    known = Accepted("w1.x", duplicate=True)
    step = after(a_job(state, attempt=2, doubts=doubts), Answered(2, known), INFOBIP)
    assert (step.state, step.doubts, type(step.result)) == (State.UNKNOWN, (2,), SendUnknown)
    assert unchanged(a_job(State.SENDING, attempt=2), Answered(1, known), INFOBIP)


def test_after_not_after_a_provider_that_offers_both_is_looked_at_and_not_called() -> None:
    both = Capabilities("both", same_id_again=True, look_up=True)
    assert after(a_job(State.RESOLVING), TimeCame(), both).act is Act.CALL
    assert after(a_job(State.RESOLVING), TimeCame(), both, minutes=16).act is Act.LOOK_UP


def test_same_id_is_never_sent_again_after_not_after() -> None:
    step = after(a_job(State.RESOLVING), TimeCame(), INFOBIP, minutes=15)
    assert (step.state, step.act) == (State.UNKNOWN, Act.NOTHING)


def test_one_look_is_taken_even_after_not_after() -> None:
    assert after(a_job(State.RESOLVING), TimeCame(), TWILIO, minutes=16).act is Act.LOOK_UP
    assert after(a_job(State.RESOLVING, looks=1), TimeCame(), TWILIO, minutes=16).state is State.UNKNOWN


def test_receipts_are_awaited_where_nothing_else_is_offered() -> None:
    assert after(a_job(State.RESOLVING), TimeCame(), META).state is State.UNKNOWN


@given(looks=st.integers(0, 20), chance=st.floats(0, 1, exclude_max=True))
def test_no_look_comes_before_the_settling_time(looks: int, chance: float) -> None:
    assert 15 <= look_delay(TWILIO, looks, chance) <= 150
    assert 200 <= look_delay(replace(TWILIO, settling_seconds=200), looks, chance) <= 250


@pytest.mark.parametrize("state", [State.SENDING, State.RESOLVING])
def test_missing_answer_of_an_older_attempt_does_not_touch_a_newer_one(state: State) -> None:
    job = a_job(state, attempt=2, doubts=(2,) if state is State.RESOLVING else ())
    assert decide(job, Answered(1, Unclear("?")), INFOBIP, NOW, 0.5) is None


def test_refusal_of_an_older_attempt_does_not_touch_a_newer_one() -> None:
    assert unchanged(a_job(State.SENDING, attempt=2), Answered(1, REJECTED))
    job = a_job(State.RESOLVING, attempt=2, doubts=(1, 2), due_at=NOW)
    step = after(job, Answered(1, REJECTED), INFOBIP)
    assert (step.state, step.doubts, step.due_at, step.result) == (State.RESOLVING, (2,), NOW, None)


def test_refusal_while_resolving_is_judged_as_usual_once_nothing_is_in_doubt() -> None:
    assert after(a_job(State.RESOLVING), Answered(1, NOT_SENT), TWILIO).state is State.WAITING
    assert after(a_job(State.RESOLVING), Answered(1, REJECTED), TWILIO).state is State.FAILED


@pytest.mark.parametrize("refused", [REJECTED, NOT_SENT, LATER, THROTTLED, BLOCKED])
def test_late_refusal_ends_what_was_told_as_unknown_without_another_call(refused: Refused) -> None:
    """A person may have re-sent it meanwhile."""
    step = after(a_job(State.UNKNOWN, lane=Lane.BULK), Answered(1, refused), TWILIO)
    assert (step.state, step.doubts) == (State.FAILED, ())


def test_late_not_sent_of_an_unknown_message_expires_it_after_not_after() -> None:
    assert after(a_job(State.UNKNOWN), Answered(1, NOT_SENT), minutes=16).state is State.EXPIRED


@pytest.mark.parametrize("state", [State.SENDING, State.RESOLVING, State.UNKNOWN, State.WAITING, State.NOT_SENT])
def test_receipt_settles_whatever_is_not_refused_for_good(state: State) -> None:
    step = after(a_job(state), ReceiptCame("meta", "wamid.1"), NOTHING)
    assert isinstance(step.result, SendAccepted)
    assert (step.state, step.doubts) == (State.ACCEPTED, ())
    assert (step.result.provider, step.provider_message_id) == ("meta", "wamid.1")


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_receipt_of_what_was_refused_for_good_is_only_remembered(state: State) -> None:
    assert unchanged(a_job(state), ReceiptCame("meta", "wamid.1"))


def test_acceptance_is_told_once() -> None:
    taken = a_job(State.ACCEPTED, provider_message_id="SM1")
    assert unchanged(taken, Answered(1, Accepted("SM1")))
    assert unchanged(taken, ReceiptCame("twilio", "SM1"))


def test_acceptance_after_a_persons_word_is_told_as_well() -> None:
    assert isinstance(after(a_job(State.ACCEPTED), ReceiptCame("twilio", "SM1")).result, SendAccepted)


@pytest.mark.parametrize("state", State)
def test_only_what_has_not_left_can_be_cancelled(state: State) -> None:
    if state in {State.SENDING, State.RESOLVING}:
        job = a_job(state, due_at=NOW)
        step = after(job, CancelAsked(ADMIN))
        assert (step.state, step.result, step.due_at, step.stopped_by) == (state, None, NOW, ADMIN)
        assert unchanged(replace(job, stopped_by=ADMIN), CancelAsked(ADMIN))
        return
    if state is not State.WAITING:
        assert unchanged(a_job(state), CancelAsked(ADMIN))
        return
    step = after(a_job(state), CancelAsked(ADMIN))
    assert step.state is State.CANCELLED
    assert isinstance(step.result, SendCancelled)
    assert step.result.requested_by == ADMIN


@pytest.mark.parametrize("state", [State.SENDING, State.RESOLVING])
def test_what_was_stopped_under_way_is_cancelled_where_it_would_be_tried_again(state: State) -> None:
    job = a_job(state, stopped_by=ADMIN)
    for refused in (NOT_SENT, THROTTLED, LATER):
        step = after(job, Answered(1, refused), INFOBIP)
        assert (step.state, step.doubts, type(step.result)) == (State.CANCELLED, (), SendCancelled)
    assert after(job, Answered(1, REJECTED), INFOBIP).state is State.FAILED
    assert after(job, Answered(1, Accepted("SM1")), INFOBIP).state is State.ACCEPTED


def test_what_was_stopped_under_way_is_found_out_without_another_call() -> None:
    step = after(a_job(State.SENDING, stopped_by=ADMIN), Answered(1, Unclear("?")), INFOBIP)
    job = replace(a_job(State.RESOLVING), **kept(step))
    looks = 0
    while job.state is State.RESOLVING:
        step = after(job, TimeCame(), INFOBIP)
        assert step.act is not Act.CALL
        job, looks = replace(job, **kept(step)), looks + 1
        if step.act is Act.LOOK_UP:
            job = replace(job, **kept(after(job, LookedUp(job.looks, None), INFOBIP)))
    assert (job.state, job.doubts, looks) == (State.UNKNOWN, (1,), 5)
    assert after(job, ReceiptCame("infobip", "x"), INFOBIP).state is State.ACCEPTED


@pytest.mark.parametrize(
    ("state", "verdict", "becomes"),
    [
        (State.UNKNOWN, "sent", State.ACCEPTED),
        (State.UNKNOWN, "not_sent", State.NOT_SENT),
        (State.NOT_SENT, "sent", State.ACCEPTED),
        (State.NOT_SENT, "not_sent", None),
        *((state, verdict, None) for state in State for verdict in ("sent", "not_sent")
          if state not in {State.UNKNOWN, State.NOT_SENT}),
    ],
)  # fmt: skip
def test_only_what_is_unknown_is_a_persons_to_decide(state: State, verdict: Any, becomes: State | None) -> None:
    given_verdict = VerdictGiven(ADMIN, verdict)
    if becomes is None:
        assert unchanged(a_job(state), given_verdict)
        return
    step = after(a_job(state), given_verdict)
    assert step.state is becomes
    assert isinstance(step.result, SendResolved)
    assert (step.result.verdict, step.result.requested_by) == (verdict, ADMIN)


@pytest.mark.parametrize(
    ("state", "seconds", "becomes", "act"),
    [
        (State.WAITING, -1, State.SENDING, Act.CALL),
        (State.WAITING, 0, State.EXPIRED, Act.NOTHING),
        (State.WAITING, 1, State.EXPIRED, Act.NOTHING),
    ],
)
def test_waiting_job_is_called_or_expires(state: State, seconds: int, becomes: State, act: Act) -> None:
    job = a_job(state, attempt=2, not_after=NOW)
    step = after(job, TimeCame(), seconds=seconds)
    assert (step.state, step.act) == (becomes, act)
    assert step.attempt == (3 if act is Act.CALL else 2)


@pytest.mark.parametrize("state", [s for s in State if s not in {State.WAITING, State.SENDING, State.RESOLVING}])
def test_time_does_nothing_to_what_has_ended(state: State) -> None:
    assert unchanged(a_job(state), TimeCame(), TWILIO)
    assert unchanged(a_job(state), LeaseLapsed(), TWILIO)


answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Accepted, provider_message_id=st.just("SM1")),
    st.builds(
        Refused,
        error_class=st.sampled_from(ErrorClass),
        reason=st.sampled_from(FailureReason),
        detail=st.text().map(lambda words: clean(words, 2000)),
        retry_after_seconds=st.none() | st.floats(-1e9, 1e9),
    ),
    st.builds(Unclear, detail=st.text().map(lambda words: clean(words, 2000))),
)


@given(
    answer=answers,
    minutes=st.integers(-20, 20),
    state=st.sampled_from([State.SENDING, State.RESOLVING, State.UNKNOWN]),
    can=st.sampled_from([NOTHING, TWILIO, INFOBIP, META]),
)
def test_every_result_can_be_told(answer: Answer, minutes: int, state: State, can: Capabilities) -> None:
    step = decide(a_job(state), Answered(1, answer), can, NOW + timedelta(minutes=minutes), 0.3)
    if step is not None and step.result is not None:
        told = make_event(
            step.result, id=MESSAGE_ID, time=NOW, source="test", causation=make_event_of(make_request()).id
        )
        assert decode(encode(told)) == told


@pytest.mark.parametrize(
    ("state", "receipt", "status"),
    [
        (State.SENDING, None, Status.SENDING),
        (State.RESOLVING, None, Status.SENDING),
        (State.NOT_SENT, None, Status.NOT_SENT),
        (State.SENDING, "sent", Status.SENT),
        (State.UNKNOWN, "delivered", Status.DELIVERED),
        (State.ACCEPTED, None, Status.SENT),
        (State.ACCEPTED, "undelivered", Status.FAILED),
        (State.ACCEPTED, "failed", Status.FAILED),
        (State.ACCEPTED, "read", Status.READ),
        (State.FAILED, "delivered", Status.DELIVERED),
        (State.CANCELLED, None, Status.CANCELLED),
    ],
)
def test_receipt_outweighs_the_state(state: State, receipt: str | None, status: Status) -> None:
    assert status_of(state, receipt) is status


@pytest.mark.parametrize("status", ReceiptStatus)
def test_part_that_failed_outlasts_every_other_receipt(status: ReceiptStatus) -> None:
    def receipt(status: ReceiptStatus, reason: FailureReason | None) -> DeliveryReported:
        return DeliveryReported(
            workspace_id="w1",
            channel=Channel.SMS,
            channel_id=CHANNEL_ID,
            provider="twilio",
            provider_message_id="SM1",
            status=status,
            reason=reason,
            reported_at=NOW,
        )

    word = receipt_word(receipt(status, FailureReason.UNREACHABLE))
    part = receipt_word(receipt(ReceiptStatus.UNDELIVERED, FailureReason.PARTIAL))
    assert word == status.value
    assert RECEIPT_ORDER.index(part) > RECEIPT_ORDER.index(word)
    assert status_of(State.ACCEPTED, part) is Status.FAILED


@pytest.mark.parametrize("status", Status)
def test_resend_is_refused_where_the_first_one_went(status: Status) -> None:
    failed = Earlier(status=Status.FAILED, since=NOW)
    repeated = [failed, Earlier(status=status, since=NOW)]
    refusal = refuse_resend(make_request(), 0, repeated)
    assert (refusal is not None) is (status in {Status.SENT, Status.DELIVERED, Status.READ})
    step = after(a_job(State.WAITING, attempt=0), TimeCame(repeated))
    if refusal is not None:
        assert (refusal.reason, step.result) == (
            FailureReason.ALREADY_SENT,
            refuse_resend(step_subject(step), 0, repeated),
        )
        assert step.state is State.FAILED
        assert refusal.detail is not None
        assert status.label in refusal.detail
    elif under_way(repeated):
        assert (step.state, step.due_at, step.result) == (State.WAITING, NOW + timedelta(seconds=2), None)
    else:
        assert (step.state, step.act) == (State.SENDING, Act.CALL)


@pytest.mark.parametrize("status", Status)
def test_resend_waits_while_the_first_one_is_under_way(status: Status) -> None:
    failed = Earlier(status=Status.FAILED, since=NOW)
    assert under_way([failed, Earlier(status=status, since=NOW)]) is (status in {Status.SENDING, Status.WAITING})


def test_message_whose_resend_came_first_is_told_as_cancelled() -> None:
    resend = make_request(resend_of=MESSAGE_ID)
    told = replaced_by(resend)
    assert isinstance(told, SendCancelled)
    assert (told.message_id, told.requested_by) == (MESSAGE_ID, resend.requested_by)


def test_message_that_is_stopped_before_it_came_is_told_as_cancelled() -> None:
    request = make_request()
    told = stopped_before(request, ADMIN)
    assert (told.message_id, told.attempt, told.requested_by) == (request.message_id, 0, ADMIN)


@pytest.mark.parametrize(
    ("words", "kept"),
    [("a\x00b", "ab"), ("a\ud800b", "a?b"), ("abcdef", "abcd"), ("", "")],
    ids=["nul", "lone surrogate", "long", "empty"],
)
def test_clean_keeps_what_can_be_stored(words: str, kept: str) -> None:
    assert clean(words, 4) == kept


def kept(step: Step) -> dict[str, Any]:
    names = ("state", "attempt", "doubts", "tries", "looks", "unclear", "provider_message_id", "due_at", "stopped_by")
    return {name: getattr(step, name) for name in names}


def moved(job: Job, step: Step) -> Job:
    return replace(job, **kept(step))


def called(job: Job) -> Job:
    """A waiting job whose time has come."""
    return moved(job, after(job, TimeCame()))


def step_subject(step: Step) -> Any:
    assert step.result is not None
    return step.result
