"""The order of a timeline: whatever the clocks of providers say, it is a possible one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from proactive_contracts.envelope import Event
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.status import Status
from status_tracker.domain.entries import Source
from status_tracker.domain.history import shown
from tests.unit.status_tracker.making import NOON, Story, as_facts, make_reply, make_request, timeline_of

ASKED = NOON + timedelta(milliseconds=600)
"""Later than the whole second in which it lies."""

FAR = datetime(5138, 11, 16, tzinfo=UTC)


def make_story(at: datetime = ASKED) -> Story:
    message_id = UUID("6f1d2f60-5d5c-4a53-9d4c-0a3c5f7a0001")
    return Story(make_request(message_id=message_id, at=at), "SM1")


def test_receipt_of_the_second_in_which_it_was_asked_for_stands_behind_what_came_before() -> None:
    story = make_story()
    accepted = replace_time(story.accepted(), ASKED + timedelta(milliseconds=200))
    told = timeline_of(story.request, accepted, story.receipt(ReceiptStatus.SENT, stamp=NOON))
    assert [line.source for line in told] == [Source.GATEWAY, Source.DISPATCHER, Source.RECEIPT]
    assert told[2].at == ASKED


def test_stamp_of_a_clock_that_is_slow_becomes_the_time_when_we_learned_of_it() -> None:
    story = make_story()
    events = story.request, story.accepted(), story.receipt(ReceiptStatus.DELIVERED, stamp=NOON - timedelta(hours=1))
    told = timeline_of(*events, recorded_at=ASKED + timedelta(seconds=9))
    assert [line.status for line in told] == [Status.QUEUED, Status.SENT, Status.DELIVERED]
    assert told[2].at == ASKED + timedelta(seconds=9)


def test_stamp_of_the_future_becomes_the_time_when_we_learned_of_it() -> None:
    story = make_story()
    receipt = story.receipt(ReceiptStatus.DELIVERED, stamp=FAR)
    assert [line.at for line in timeline_of(story.request, receipt)] == [ASKED, receipt.time]


def test_possible_stamp_is_kept() -> None:
    story = make_story()
    story.started()
    stamp = NOON + timedelta(seconds=1)
    assert timeline_of(story.request, story.receipt(ReceiptStatus.SENT, stamp=stamp))[1].at == stamp


def test_status_does_not_begin_before_the_request() -> None:
    story = make_story()
    found = shown(*as_facts([story.request, story.receipt(ReceiptStatus.READ, stamp=NOON - timedelta(days=1))]))
    assert found is not None
    assert found.since(found.decisive) == ASKED


stamps = st.datetimes(datetime(1970, 1, 1), datetime(5138, 1, 1), timezones=st.just(UTC)) | st.sampled_from(
    [NOON, ASKED, NOON + timedelta(seconds=1), ASKED + timedelta(seconds=2)]
)


@given(st.lists(st.tuples(st.sampled_from(ReceiptStatus), stamps), max_size=5), st.lists(stamps, max_size=3), stamps)
def test_request_is_first_and_time_never_runs_back(
    receipts: Sequence[tuple[ReceiptStatus, datetime]], answered: Sequence[datetime], service_clock: datetime
) -> None:
    story = make_story(at=max(service_clock, ASKED))
    said = [story.receipt(status, stamp=stamp) for status, stamp in receipts]
    replies = [make_reply(at=stamp).data for stamp in answered]
    told = timeline_of(*said, story.accepted(), story.request, replies=replies, recorded_at=NOON)
    assert told[0].event == "send_requested"
    assert all(line.at >= told[0].at for line in told)
    seconds = [line.at.replace(microsecond=0) for line in told]
    assert seconds == sorted(seconds)


def replace_time(event: Event[Any], at: datetime) -> Event[Any]:
    return event.model_copy(update={"time": at})
