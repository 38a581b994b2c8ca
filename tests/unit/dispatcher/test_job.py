"""The pure decisions: what an answer means, what is due, and the ways that a job may never go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain import job as domain
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear, clean
from dispatcher.domain.job import SETTLEABLE, Due, State
from proactive_contracts.codec import decode, encode, make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.results import Earlier, SendAccepted, SendCancelled, SendExpired, SendFailed, SendUnknown
from proactive_contracts.status import Status
from tests.unit.dispatcher.builders import MESSAGE_ID, NOW, make_event_of, make_request

REFUSED = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "No such number.", "21211")
NOT_SENT = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "Nothing was sent.")

definite_refusals = st.builds(
    Refused,
    error_class=st.sampled_from(ErrorClass),
    reason=st.sampled_from(FailureReason),
    detail=st.text().map(lambda words: clean(words, 2000)),
)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Accepted, provider_message_id=st.just("SM1")),
    definite_refusals,
    st.builds(Unclear, detail=st.text().map(lambda words: clean(words, 2000))),
)


@pytest.mark.parametrize(
    ("answer", "in_time", "state", "result"),
    [
        (Accepted("SM1", 2), True, State.ACCEPTED, SendAccepted),
        (Accepted("SM1"), False, State.ACCEPTED, SendAccepted),
        (REFUSED, True, State.FAILED, SendFailed),
        (REFUSED, False, State.FAILED, SendFailed),
        (NOT_SENT, True, State.FAILED, SendFailed),
        (NOT_SENT, False, State.EXPIRED, SendExpired),
        (Unclear("?"), True, State.UNKNOWN, SendUnknown),
        (Unclear("?"), False, State.UNKNOWN, SendUnknown),
    ],
)
def test_answer_settles_its_attempt(answer: Answer, in_time: bool, state: State, result: type) -> None:
    settlement = domain.settle(make_request(), 3, "twilio", answer, in_time=in_time)
    assert settlement.state is state
    assert type(settlement.result) is result
    assert settlement.result.attempt == 3


def test_refusal_carries_the_providers_words() -> None:
    failed = domain.settle(make_request(), 1, "twilio", REFUSED).result
    assert isinstance(failed, SendFailed)
    assert (failed.reason, failed.provider, failed.provider_code) == (FailureReason.INVALID_NUMBER, "twilio", "21211")
    assert failed.detail == "No such number."


@given(answer=answers, in_time=st.booleans())
def test_every_settlement_can_be_told(answer: Answer, in_time: bool) -> None:
    request = make_request()
    settlement = domain.settle(request, 1, "twilio", answer, in_time=in_time)
    event = make_event(settlement.result, id=MESSAGE_ID, time=NOW, source="test", causation=make_event_of(request).id)
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    ("state", "seconds_left", "due"),
    [
        (State.WAITING, 1, Due.CALL),
        (State.WAITING, 0, Due.EXPIRE),
        (State.WAITING, -1, Due.EXPIRE),
        (State.SENDING, 1, Due.LAPSE),
        (State.SENDING, -1, Due.LAPSE),
        (State.UNKNOWN, 1, Due.TELL),
        (State.UNKNOWN, -1, Due.TELL),
        (State.ACCEPTED, -1, Due.TELL),
        (State.FAILED, -1, Due.TELL),
        (State.CANCELLED, -1, Due.TELL),
        (State.EXPIRED, -1, Due.TELL),
    ],
)
def test_due_job_needs(state: State, seconds_left: int, due: Due) -> None:
    assert domain.due(state, NOW + timedelta(seconds=seconds_left), NOW) is due


steps = st.one_of(
    st.tuples(st.just("late answer"), answers, st.booleans()),
    st.tuples(st.just("due"), st.integers(-5, 5), st.none()),
)


@given(st.lists(steps, max_size=12))
def test_unknown_is_left_only_by_acceptance_or_a_definite_refusal_of_that_attempt(
    path: list[tuple[str, Answer | int, bool | None]],
) -> None:
    """Whatever the scheduler and late answers do, in any order, nothing else makes an unknown message a failed one."""
    request, state = make_request(), State.UNKNOWN
    for kind, what, in_time in path:
        before, last = state, None
        if kind == "late answer" and state in SETTLEABLE:
            assert not isinstance(what, int)
            last = what
            state = domain.settle(request, 1, "twilio", what, in_time=bool(in_time)).state
        elif kind == "due":
            assert isinstance(what, int)
            match domain.due(state, NOW + timedelta(minutes=what), NOW):
                case Due.EXPIRE:
                    state = domain.expire(request, 1, NOW).state
                case Due.LAPSE:
                    state = domain.lapse(request, 1).state
                case Due.CALL:
                    state = State.SENDING
                case Due.TELL:
                    pass
        if before is not state:
            assert before is State.UNKNOWN, "accepted, failed and expired are final"
            assert state is State.ACCEPTED or isinstance(last, Refused)


@given(in_time=st.booleans())
def test_unclear_answer_never_ends_an_unknown_message(in_time: bool) -> None:
    assert domain.settle(make_request(), 1, "twilio", Unclear("?"), in_time=in_time).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("state", "receipt", "status"),
    [
        (State.SENDING, None, Status.SENDING),
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
    assert domain.status_of(state, receipt) is status


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (Status.SENDING, False),
        (Status.WAITING, False),
        (Status.SENT, True),
        (Status.DELIVERED, True),
        (Status.READ, True),
        (Status.UNKNOWN, False),
        (Status.FAILED, False),
        (Status.EXPIRED, False),
        (Status.CANCELLED, False),
    ],
)
def test_resend_is_refused_where_the_first_one_went(status: Status, refused: bool) -> None:
    failed = Earlier(status=Status.FAILED, since=NOW)
    settlement = domain.refuse_resend(make_request(), [failed, Earlier(status=status, since=NOW)])
    assert (settlement is not None) is refused
    if settlement is not None:
        assert isinstance(settlement.result, SendFailed)
        assert settlement.result.reason is FailureReason.ALREADY_SENT
        assert settlement.result.detail is not None
        assert status.label in settlement.result.detail


@pytest.mark.parametrize("status", Status)
def test_resend_waits_while_the_first_one_is_under_way(status: Status) -> None:
    failed = Earlier(status=Status.FAILED, since=NOW)
    under_way = domain.under_way([failed, Earlier(status=status, since=NOW)])
    assert under_way is (status in {Status.SENDING, Status.WAITING})


def test_message_whose_resend_came_first_is_told_as_cancelled() -> None:
    resend = make_request(resend_of=MESSAGE_ID)
    told = domain.replaced_by(resend)
    assert isinstance(told, SendCancelled)
    assert (told.message_id, told.requested_by) == (MESSAGE_ID, resend.requested_by)


@pytest.mark.parametrize(
    ("words", "kept"),
    [("a\x00b", "ab"), ("a\ud800b", "a?b"), ("abcdef", "abcd"), ("", "")],
    ids=["nul", "lone surrogate", "long", "empty"],
)
def test_clean_keeps_what_can_be_stored(words: str, kept: str) -> None:
    assert clean(words, 4) == kept
