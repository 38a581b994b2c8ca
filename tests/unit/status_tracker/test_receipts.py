"""Receipts twice, early, late and in any order: one final state, everything in the timeline, and notes that hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.status import Status
from status_tracker.domain.decision import Known, decide
from status_tracker.domain.entries import Entry, Request, Source
from status_tracker.domain.history import Shown
from status_tracker.domain.notes import Kind
from tests.unit.status_tracker.making import (
    CHANNEL_ID,
    NOON,
    OTHER_CHANNEL_ID,
    Story,
    as_facts,
    make_request,
    timeline_of,
)

MESSAGE_ID = UUID("6f1d2f60-5d5c-4a53-9d4c-0a3c5f7a0001")
BAD = {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED}
OPEN = {Kind.UNKNOWN, Kind.UNTAKEN}
GOOD = {Kind.SENT, Kind.ARRIVED, Kind.REACHED}


@dataclass(frozen=True)
class Said:
    """One receipt: `echoed` names our id, `astray` comes through a channel that the message did not."""

    status: ReceiptStatus
    reason: FailureReason | None
    echoed: bool
    astray: bool


def _receipt(status: ReceiptStatus, reason: FailureReason, echoed: bool, astray: bool) -> Said:
    return Said(status, reason if status in BAD else None, echoed or astray, astray)


receipts = st.builds(
    _receipt,
    st.sampled_from(ReceiptStatus),
    st.sampled_from([FailureReason.UNREACHABLE, FailureReason.OTHER, FailureReason.PARTIAL]),
    st.booleans(),
    st.booleans(),
)
outcomes = st.sampled_from(
    [(), ("started",), ("deferred",), ("unknown",), ("unknown", "resolved"), ("cancelled",), ("expired",), ("failed",)]
)


@dataclass(frozen=True)
class Life:
    """Everything that was said of one message, in the order in which it was said; `order` is how it arrived."""

    events: Sequence[Event[Any]]
    receipts: Sequence[Said]
    taken: bool
    order: Sequence[int]

    @property
    def arrived(self) -> Sequence[Event[Any]]:
        return [self.events[place] for place in self.order]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    story = Story(make_request(message_id=MESSAGE_ID), "SM1")
    said = draw(st.lists(receipts, max_size=6, unique=True))
    taken = draw(st.booleans())
    events = [story.request, *(getattr(story, name)() for name in draw(outcomes))]
    events += [story.accepted()] if taken else []
    for number, one in enumerate(said):
        channel_id = OTHER_CHANNEL_ID if one.astray else CHANNEL_ID
        told: dict[str, Any] = {"code": str(number), "detail": f"the provider's words {number}"}
        events.append(story.receipt(one.status, echoed=one.echoed, channel_id=channel_id, reason=one.reason, **told))
    places = [*range(len(events)), *draw(st.lists(st.integers(0, len(events) - 1), max_size=4))]
    return Life(events, said, taken, draw(st.permutations(places)))


def known_from(events: Sequence[Event[Any]]) -> tuple[list[Request], list[Entry]]:
    """What the tracker knows once these came: once each, and what names no message by the provider's id."""
    requests, entries = as_facts(list({event.id: event for event in events}.values()))
    named = {one.provider_message_id for one in entries if one.source is Source.DISPATCHER}
    matched = [
        replace(one, message_id=MESSAGE_ID) if one.message_id is None and one.provider_message_id in named else one
        for one in entries
    ]
    return requests, [one for one in matched if one.message_id is not None]


def play(events: Sequence[Event[Any]]) -> tuple[Shown, list[Status], list[Kind]]:
    """Decide after each event, as the handlers do: the row, the statuses that were told, and the notes."""
    known, told, notes, row = Known(("w1", MESSAGE_ID), None, 0, None), [], [], None
    for count in range(1, len(events) + 1):
        change = decide(known, *known_from(events[:count]), NOON)
        if change is None:
            continue
        row = change.shown
        told += [one.event.data.status for one in change.announcements]
        notes += [change.note] if change.note else []
        known = Known(known.key, row.status, change.revision, change.noted)
    assert row is not None
    return row, told, notes


def expected(life: Life) -> Status | None:
    """The rule in other words; None where no receipt and no acceptance counts."""
    counted = [one for one in life.receipts if not one.astray and (one.echoed or life.taken)]
    said = {one.status for one in counted}
    if any(one.reason is FailureReason.PARTIAL for one in counted):
        return Status.FAILED
    for receipt, status in ((ReceiptStatus.READ, Status.READ), (ReceiptStatus.DELIVERED, Status.DELIVERED)):
        if receipt in said:
            return status
    if said & BAD:
        return Status.FAILED
    return Status.SENT if said or life.taken else None


@given(lives())
def test_final_state_is_the_same_for_every_permutation(life: Life) -> None:
    straight, _, _ = play(life.events)
    row, told, _ = play(life.arrived)
    assert row == straight
    assert told[-1] is row.status
    refused = any(event.type == "proactive.send_failed.v1" for event in life.events)
    if (status := expected(life)) is not None and not (refused and status is Status.SENT):
        assert row.status is status


@given(lives())
def test_timeline_has_everything_that_came_through_the_message_s_channel(life: Life) -> None:
    once = list({event.id: event for event in life.arrived}.values())
    shown = {(line.provider_code, line.detail) for line in timeline_of(*once) if line.source is Source.RECEIPT}
    wanted = {
        (str(number), f"the provider's words {number}") for number, one in enumerate(life.receipts) if not one.astray
    }
    assert shown == wanted


@given(lives())
def test_each_note_is_written_once_and_the_last_one_is_true(life: Life) -> None:
    row, _, notes = play(life.arrived)
    assert len(notes) == len(set(notes))
    last = notes[-1] if notes else None
    if row.status in {Status.SENT, Status.DELIVERED, Status.READ}:
        assert last in GOOD
    elif row.status is Status.UNKNOWN:
        assert last in OPEN
    elif row.status in {Status.FAILED, Status.EXPIRED, Status.NOT_SENT}:
        assert last is not None
        assert last not in GOOD | OPEN
    else:
        assert last is None


def test_what_failed_again_after_it_was_sent_after_all_and_yet_arrived_is_noted_each_time() -> None:
    story = Story(make_request(message_id=MESSAGE_ID), "SM1")
    failed, delivered = story.receipt(ReceiptStatus.UNDELIVERED), story.receipt(ReceiptStatus.DELIVERED)
    *_, notes = play([story.request, story.expired(), story.accepted(), failed, delivered])
    assert notes == [Kind.EXPIRED, Kind.ARRIVED, Kind.FAILED, Kind.REACHED]


@given(lives())
def test_what_goes_astray_is_known_and_changes_nothing(life: Life) -> None:
    change = decide(Known(("w1", MESSAGE_ID), None, 0, None), *known_from(life.arrived), NOON)
    assert change is not None
    assert len(change.misdirected) == sum(one.astray for one in life.receipts)
    assert not set(change.misdirected) & set(change.shown.counted)
