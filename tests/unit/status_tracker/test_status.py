"""The order of statuses, as architecture 9 has it."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from status_tracker.domain.entries import Entry, Source
from status_tracker.domain.status import order
from tests.unit.status_tracker.making import NOON, make_entry

ASCENDING = [
    "queued",
    "not_confirmed",
    "sending",
    "waiting",
    "unknown",
    "cancelled",
    "expired",
    "not_sent",
    "sent",
    "failed",
    "delivered",
    "read",
]


entries = st.builds(
    make_entry,
    st.sampled_from(Status),
    st.sampled_from(Source),
    attempt=st.one_of(st.none(), st.integers(0, 3)),
    reason=st.one_of(st.none(), st.sampled_from(FailureReason)),
    provider_code=st.one_of(st.none(), st.sampled_from(["1", "2"])),
    detail=st.one_of(st.none(), st.sampled_from(["a", "b"])),
    due_at=st.one_of(st.none(), st.sampled_from([NOON, NOON + timedelta(seconds=1)])),
)


def test_statuses_stand_in_the_agreed_order() -> None:
    assert [status.value for status in sorted(Status, key=lambda status: order(make_entry(status)))] == ASCENDING


def test_within_a_rank_a_receipt_beats_dispatcher_person_and_sweep() -> None:
    ascending = (Source.SWEEP, Source.PERSON, Source.DISPATCHER, Source.RECEIPT)
    for lower, higher in pairwise(ascending):
        assert order(make_entry(Status.SENT, lower)) < order(make_entry(Status.SENT, higher))


def test_within_a_source_any_reason_beats_other_and_other_beats_none() -> None:
    reasons = [None, FailureReason.OTHER, FailureReason.INVALID_NUMBER]
    for lower, higher in pairwise(reasons):
        assert order(make_entry(Status.FAILED, reason=lower)) < order(make_entry(Status.FAILED, reason=higher))


def test_among_sending_and_waiting_the_later_attempt_wins() -> None:
    sending_again = order(make_entry(Status.SENDING, attempt=2))
    waiting = order(make_entry(Status.WAITING, attempt=1))
    assert order(make_entry(Status.SENDING, attempt=1)) < waiting < sending_again
    assert sending_again < order(make_entry(Status.WAITING, attempt=2))


def test_of_one_attempt_put_off_twice_the_later_time_wins() -> None:
    paused = make_entry(Status.WAITING, reason=FailureReason.CHANNEL_PAUSED, due_at=NOON)
    busy = make_entry(Status.WAITING, reason=FailureReason.OTHER, due_at=NOON + timedelta(minutes=5))
    assert order(paused) < order(busy) < order(make_entry(Status.SENDING, attempt=2))


def test_part_that_failed_wins_over_whatever_is_said_of_the_others() -> None:
    partial = order(make_entry(Status.FAILED, Source.RECEIPT, reason=FailureReason.PARTIAL))
    others = [make_entry(status, Source.RECEIPT, reason=FailureReason.OTHER) for status in Status]
    assert all(order(other) < partial for other in others)


def test_attempt_does_not_matter_elsewhere() -> None:
    late_unknown = make_entry(Status.UNKNOWN, attempt=3)
    assert order(late_unknown) < order(make_entry(Status.SENT, attempt=1))


def test_time_never_decides() -> None:
    entry = make_entry(Status.SENT)
    assert order(entry) == order(replace(entry, at=NOON.replace(year=2030)))


def test_entry_without_a_status_has_no_place() -> None:
    with pytest.raises(ValueError, match="made_up"):
        order(replace(make_entry(Status.SENT), status=None))


@given(entries, entries)
def test_two_entries_never_stand_at_the_same_place(one: Entry, other: Entry) -> None:
    assert order(one) != order(other)


@given(st.lists(entries, min_size=1, max_size=12), st.randoms())
def test_the_greatest_is_the_same_in_every_order(said: list[Entry], random: Random) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)
    assert max(said, key=order) == max(shuffled, key=order)
