"""Rates, pauses, holds and breakers: the rules, without a database."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain import breakers, gates
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.breakers import Breaker, Cause
from dispatcher.domain.gates import Gate, Host, Meter, Sender, Shut, Wait
from proactive_contracts.reasons import FailureReason
from tests.unit.dispatcher.builders import CHANNEL_ID, NOW

TAKEN = Accepted("SM1", 1)
UNCLEAR = Unclear("The provider did not answer in time.")
BAD_KEY = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "Authenticate", "20003")
DOWN = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "could not be reached")
HICCUP = Refused(ErrorClass.REFUSED_TEMPORARILY, FailureReason.PROVIDER_BUSY, "later")
BAD_NUMBER = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no")


def throttled(seconds: float | None, *, recipient_only: bool = False) -> Refused:
    return Refused(
        ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "slow", None, seconds, recipient_only=recipient_only
    )


def after(sender: Sender, *answers: Answer, seconds: float = 0) -> Sender:
    for answer in answers:
        sender = gates.sender_after(sender, answer, NOW + timedelta(seconds=seconds))
    return sender


def host_after(host: Host, *answers: tuple[UUID, Answer], channels: int = 2) -> Host:
    for channel_id, answer in answers:
        host = gates.host_after(host, channel_id, channels, answer, NOW)
    return host


def sent_within(sender: Sender, seconds: float, cost: int = 1, host: Host | None = None) -> int:
    """How many leave when somebody looks every 5 ms and there are always more."""
    host, count = host or Host(), 0
    for step in range(int(seconds * 200)):
        now = NOW + timedelta(seconds=step / 200)
        for _ in range(gates.at_most(sender, host, now) or 0):
            if gates.admit(sender, host, now) is None:
                sender, host = gates.spend(sender, host, cost, now)
                count += 1
    return count


def test_sender_without_limits_lets_everything_go() -> None:
    assert gates.admit(Sender(), Host(), NOW) is None
    assert gates.at_most(Sender(), Host(), NOW) is None
    assert not gates.metered(Sender(), Host(), NOW)
    assert gates.spend(Sender(), Host(), 3, NOW) == (Sender(), Host())


@pytest.mark.parametrize("rate", [1e-300, 1e-12, gates.LEAST_PER_SECOND])
def test_no_rate_is_so_low_that_there_is_no_next_time(rate: float) -> None:
    sender, latest = Sender(Meter(rate)), NOW + gates.LONGEST_DEBT
    for _ in range(200):
        sender, _ = gates.spend(sender, Host(), 10, NOW)
    waits = gates.admit(sender, Host(), NOW)
    assert isinstance(waits, Wait)
    assert NOW < waits.until <= latest


@pytest.mark.parametrize("rate", [0.5, 1, 10, 80, 250])
def test_rate_is_held_over_seconds(rate: float) -> None:
    sender = Sender(Meter(rate))
    burst = max(1, rate * gates.BURST_SECONDS)
    assert rate * 10 - 1 <= sent_within(sender, 10) <= rate * 10 + burst + 1


def test_long_message_delays_what_follows_by_its_parts() -> None:
    sender = Sender(Meter(10.0))
    sender, _ = gates.spend(sender, Host(), 5, NOW)
    assert gates.admit(sender, Host(), NOW) == Wait(NOW + timedelta(seconds=0.5))
    assert sent_within(Sender(Meter(10.0)), 10, cost=5) == 20


def test_next_message_may_go_one_interval_later() -> None:
    sender, _ = gates.spend(Sender(Meter(10.0)), Host(), 1, NOW)
    assert gates.admit(sender, Host(), NOW) == Wait(NOW + timedelta(seconds=0.1))
    assert gates.admit(sender, Host(), NOW + timedelta(seconds=0.1)) is None


def test_idle_time_is_not_saved_up() -> None:
    sender, _ = gates.spend(Sender(Meter(10.0)), Host(), 1, NOW)
    assert gates.at_most(sender, Host(), NOW + timedelta(hours=1)) == 1
    assert gates.at_most(Sender(Meter(80.0)), Host(), NOW) == 8


@given(
    rate=st.floats(0.2, 300),
    gaps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 10)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_and_a_burst_in_any_window(rate: float, gaps: list[tuple[float, int]]) -> None:
    sender, now, left = Sender(Meter(rate)), NOW, []
    for gap, cost in gaps:
        now += timedelta(seconds=gap)
        if gates.admit(sender, Host(), now) is None:
            sender, _ = gates.spend(sender, Host(), cost, now)
            left.append((now, cost))
    for start in range(len(left)):
        for end in range(start, len(left)):
            seconds = (left[end][0] - left[start][0]).total_seconds()
            before_last = sum(cost for _, cost in left[start:end])
            assert before_last <= rate * seconds + max(1, rate * gates.BURST_SECONDS) + 0.01


def test_pause_keeps_everything_until_somebody_resumes() -> None:
    shut = gates.admit(Sender(paused_at=NOW, paused_by="maria"), Host(), NOW)
    assert isinstance(shut, Shut)
    assert (shut.gate, shut.why.reason, shut.until) == (Gate.PAUSED, FailureReason.CHANNEL_PAUSED, None)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 1), (0, 1), (-5, 1), (2, 2), (899, 899), (1e9, 900), (float("nan"), 1)]
)
def test_throttled_sender_waits_as_asked_within_reason(asked: float | None, seconds: float) -> None:
    sender = after(Sender(), throttled(asked))
    shut = gates.admit(sender, Host(), NOW)
    assert isinstance(shut, Shut)
    assert (shut.gate, shut.until) == (Gate.HELD, NOW + timedelta(seconds=seconds))
    assert gates.admit(sender, Host(), NOW + timedelta(seconds=seconds)) is None


def test_shorter_hold_does_not_cut_a_longer_one() -> None:
    assert after(Sender(), throttled(60), throttled(2)).held_until == NOW + timedelta(seconds=60)


def test_limit_of_one_recipient_holds_nobody_else() -> None:
    assert after(Sender(), throttled(60, recipient_only=True)) == Sender()


def test_refused_channel_is_shut_at_once_and_fails_for_people() -> None:
    shut = gates.admit(after(Sender(), BAD_KEY), Host(), NOW)
    assert isinstance(shut, Shut)
    assert shut.gate is Gate.BLOCKED
    assert (shut.why.error_class, shut.why.provider_code) == (ErrorClass.BLOCKED, "20003")
    assert shut.until == NOW + timedelta(seconds=breakers.BLOCKED_SECONDS)


@pytest.mark.parametrize("answer", [UNCLEAR, HICCUP])
def test_breaker_opens_after_five_failures_in_a_row(answer: Answer) -> None:
    assert gates.admit(after(Sender(), *[answer] * 4), Host(), NOW) is None
    assert gates.admit(after(Sender(), *[answer] * 4, TAKEN, *[answer] * 4), Host(), NOW) is None
    shut = gates.admit(after(Sender(), *[answer] * 5), Host(), NOW)
    assert isinstance(shut, Shut)
    assert shut.gate is Gate.FAILING
    assert shut.why.error_class is ErrorClass.NOT_SENT, "people wait, they do not fail"


@pytest.mark.parametrize("answer", [TAKEN, BAD_NUMBER, throttled(1, recipient_only=True)])
def test_definite_answer_proves_that_the_provider_works(answer: Answer) -> None:
    assert after(Sender(), *[UNCLEAR] * 4, answer).breaker == Breaker()


def test_one_probe_at_a_time() -> None:
    sender = after(Sender(), BAD_KEY)
    later = NOW + timedelta(seconds=breakers.BLOCKED_SECONDS)
    assert gates.at_most(sender, Host(), later) == 1
    assert gates.metered(sender, Host(), later)
    probing, _ = gates.spend(sender, Host(), 1, later)
    assert isinstance(gates.admit(probing, Host(), later), Shut)
    lost = later + timedelta(seconds=breakers.PROBE_SECONDS)
    assert gates.admit(probing, Host(), lost) is None, "a probe that was lost is followed by another"


def test_probe_that_fails_makes_the_next_pause_longer() -> None:
    sender, now, pauses = after(Sender(), *[UNCLEAR] * 5), NOW, []
    for _ in range(9):
        assert sender.breaker.retry_at is not None
        pauses.append((sender.breaker.retry_at - now).total_seconds())
        now = sender.breaker.retry_at
        sender, _ = gates.spend(sender, Host(), 1, now)
        sender = gates.sender_after(sender, UNCLEAR, now)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_late_failure_of_what_left_before_says_nothing_new() -> None:
    sender = after(Sender(), BAD_KEY)
    assert after(sender, BAD_KEY, UNCLEAR, DOWN, seconds=3) == sender


def test_ramp_after_an_outage() -> None:
    sender = after(Sender(), *[UNCLEAR] * 5)
    sender, _ = gates.spend(sender, Host(), 1, NOW)
    sender = after(sender, TAKEN)
    assert sender.breaker.ramp_from == NOW
    counts = [sent_within(sender, seconds) for seconds in (1, 2, 3, 4, 5, 5.9)]
    assert 1 <= counts[0] <= 2
    assert all(count <= 1.5 * 2 ** (place + 1) + 2 for place, count in enumerate(counts))
    assert counts[-1] > 30
    assert gates.at_most(sender, Host(), NOW + timedelta(seconds=breakers.RAMP_SECONDS)) is None


def test_ramp_never_exceeds_the_limit() -> None:
    sender = Sender(Meter(3.0), Breaker(ramp_from=NOW))
    assert sent_within(sender, 5) <= 15


def test_opening_again_soon_is_remembered() -> None:
    sender = after(Sender(), *[UNCLEAR] * 5)
    sender, _ = gates.spend(sender, Host(), 1, NOW)
    again = after(sender, TAKEN, TAKEN, *[UNCLEAR] * 5)
    assert again.breaker.openings == 2
    well = after(after(sender, TAKEN), TAKEN, seconds=breakers.RAMP_SECONDS)
    assert well.breaker == Breaker()


def test_blocked_probe_that_cannot_leave_gives_its_place_to_another() -> None:
    sender, _ = gates.spend(after(Sender(), BAD_KEY), Host(), 1, NOW + timedelta(seconds=300))
    assert gates.admit(after(sender, DOWN, seconds=301), Host(), NOW + timedelta(seconds=301)) is None


def test_mended_channel_may_probe_at_once() -> None:
    sender = after(Sender(), BAD_KEY)
    mended = replace(sender, breaker=breakers.look_again(sender.breaker, NOW))
    assert gates.at_most(mended, Host(), NOW) == 1
    assert breakers.look_again(Breaker(), NOW) == Breaker()


def test_host_opens_when_two_channels_cannot_reach_it() -> None:
    other = uuid4()
    alone = host_after(Host("twilio"), *[(CHANNEL_ID, DOWN)] * 5)
    assert alone.breaker.cause is None
    both = host_after(Host("twilio"), *[(CHANNEL_ID, DOWN)] * 4, (other, DOWN))
    assert both.breaker.cause is Cause.FAILING
    shut = gates.admit(Sender(), both, NOW)
    assert isinstance(shut, Shut)
    assert shut.why.reason is FailureReason.PROVIDER_UNREACHABLE


def test_host_of_one_channel_opens_with_it() -> None:
    assert host_after(Host("twilio"), *[(CHANNEL_ID, DOWN)] * 5, channels=1).breaker.cause is Cause.FAILING
    assert host_after(Host("twilio"), *[(CHANNEL_ID, DOWN)] * 10, channels=9).breaker.cause is Cause.FAILING


@pytest.mark.parametrize("answer", [TAKEN, UNCLEAR, BAD_KEY, HICCUP, throttled(1)])
def test_host_that_answers_anything_is_there(answer: Answer) -> None:
    host = host_after(Host("twilio"), *[(CHANNEL_ID, DOWN)] * 4, (CHANNEL_ID, answer), channels=1)
    assert (host.breaker, host.failing) == (Breaker(), frozenset())


def test_one_tenants_bad_key_is_nothing_to_the_host() -> None:
    assert host_after(Host("twilio"), *[(CHANNEL_ID, BAD_KEY)] * 20, channels=1) == Host("twilio")


def test_ramp_of_a_host_is_shared_by_its_channels() -> None:
    host = Host("twilio", breaker=Breaker(ramp_from=NOW))
    _, spent = gates.spend(Sender(), host, 7, NOW)
    assert gates.admit(Sender(), spent, NOW) == Wait(NOW + timedelta(seconds=1))


ANSWERS = st.sampled_from([TAKEN, UNCLEAR, BAD_KEY, DOWN, HICCUP, BAD_NUMBER, throttled(3), throttled(None)])


@given(st.lists(st.tuples(st.floats(0, 400), ANSWERS, st.booleans()), max_size=80))
def test_nothing_is_shut_for_ever_but_by_a_person(steps: list[tuple[float, Answer, bool]]) -> None:
    sender, host, now = Sender(), Host("h"), NOW
    for seconds, answer, leaves in steps:
        now += timedelta(seconds=seconds)
        if leaves and gates.admit(sender, host, now) is None:
            sender, host = gates.spend(sender, host, 1, now)
        sender = gates.sender_after(sender, answer, now)
        host = gates.host_after(host, CHANNEL_ID, 1, answer, now)
        for breaker in (sender.breaker, host.breaker):
            assert (breaker.cause is None) == (breaker.retry_at is None) == (breaker.opened_at is None)
    assert gates.admit(sender, host, now + timedelta(seconds=gates.LONGEST_HOLD + 1)) is None


@pytest.mark.parametrize("late", [TAKEN, Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "No such number.")])
def test_answer_of_a_call_that_left_before_a_breaker_opened_does_not_close_it(late: Answer) -> None:
    blocked = after(Sender(), Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "No money."))
    assert after(blocked, late) == blocked
    probing, _ = gates.spend(blocked, Host(), 1, NOW + timedelta(minutes=6))
    assert after(probing, late).breaker.cause is None


@given(st.lists(ANSWERS, max_size=40))
def test_good_answer_ends_every_trouble_but_a_hold(answers: list[Answer]) -> None:
    sender, host = after(Sender(), *answers), host_after(Host("h"), *((CHANNEL_ID, a) for a in answers), channels=1)
    sender, host = gates.spend(sender, host, 1, NOW)
    sender, host = after(sender, TAKEN), host_after(host, (CHANNEL_ID, TAKEN))
    later = NOW + timedelta(seconds=breakers.RAMP_SECONDS)
    sender, host = gates.sender_after(sender, TAKEN, later), gates.host_after(host, CHANNEL_ID, 1, TAKEN, later)
    assert not gates.unwell(sender, host)
