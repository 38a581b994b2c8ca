"""What a message's row shows."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.status import Status
from status_tracker.domain.decision import Known, decide
from status_tracker.domain.findings import Job, looked_up, not_taken
from status_tracker.domain.history import Shown, concerns, shown, steps
from tests.unit.status_tracker.making import NOON, OTHER_CHANNEL_ID, Story, as_facts, make_request

MESSAGE_ID = UUID("6f1d2f60-5d5c-4a53-9d4c-0a3c5f7a0001")
KEY = ("w1", MESSAGE_ID)


def make_story(text: str = "Hello Anna", **fields: Any) -> Story:
    return Story(make_request(text, message_id=MESSAGE_ID, **fields), "SM1")


def show(*events: Event[Any]) -> Shown:
    found = shown(*as_facts(events))
    assert found is not None
    return found


def test_without_a_request_nothing_is_shown() -> None:
    assert shown(*as_facts([make_story().accepted()])) is None


def test_request_alone_is_queued() -> None:
    assert show(make_story().request).status is Status.QUEUED


def test_result_that_came_before_its_request_counts_once_that_is_known() -> None:
    story = make_story()
    assert show(story.accepted(), story.request).status is Status.SENT


def test_result_that_answers_nothing_known_does_not_count() -> None:
    story, other = make_story(), make_story("Something else")
    assert show(story.request, other.accepted()).status is Status.QUEUED


def test_of_two_verdicts_the_one_that_says_sent_stands_in_every_order() -> None:
    story = make_story()
    known = [story.request, story.unknown(), story.resolved("not_sent"), story.resolved("sent")]
    assert {show(*order).status for order in permutations(known)} == {Status.SENT}


def test_verdict_counts_in_every_order_and_yields_to_what_is_known_for_sure() -> None:
    story = make_story()
    unknown, verdict = story.unknown(), story.resolved("not_sent")
    known = [story.request, unknown, verdict]
    assert {show(*order).status for order in permutations(known)} == {Status.NOT_SENT}
    changed_mind = story.resolved("sent")
    assert show(*known, changed_mind).status is Status.SENT
    assert show(*known, story.accepted()).decisive.provider_message_id == "SM1"
    assert show(*known, changed_mind, story.receipt(ReceiptStatus.FAILED)).status is Status.FAILED


def test_finding_in_the_dispatcher_s_job_shows_the_version_that_it_took_until_the_lost_event_comes() -> None:
    first, second = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    job = Job(second.request.id, Status.SENT, 1, NOON)
    finding = looked_up(job, KEY, second.request.data.channel_id, NOON)
    requests, said = as_facts([first.request, second.request])
    found = shown(requests, [*said, finding])
    assert found is not None
    assert (found.request.event_id, found.status) == (second.request.id, Status.SENT)
    _, late = as_facts([second.accepted()])
    found = shown(requests, [*said, finding, *late])
    assert found is not None
    assert found.decisive.provider_message_id == "SM1"


def test_claimed_version_is_shown_although_another_was_asked_for_first() -> None:
    first, second = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    found = show(first.request, second.request, second.accepted(), first.refused_as_changed())
    assert found.request.event_id == second.request.id
    assert found.status is Status.SENT


def test_refused_version_changes_nothing_and_concerns_another_request() -> None:
    first, second = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    refusal = second.refused_as_changed()
    found = show(first.request, first.accepted(), second.request, refusal)
    assert (found.request.event_id, found.status) == (first.request.id, Status.SENT)
    _, entries = as_facts([refusal])
    assert not concerns(entries[0], first.request.id)


def test_until_a_result_is_known_the_first_request_is_shown() -> None:
    first, second = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    assert show(second.request, first.request).request.event_id == first.request.id


def test_refused_request_is_not_shown_while_another_may_be_the_claimed_one() -> None:
    first, second = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    found = show(first.request, second.request, first.refused_as_changed())
    assert found.request.event_id == second.request.id


def test_late_delivered_overrides_failed() -> None:
    story = make_story()
    failed = story.receipt(ReceiptStatus.UNDELIVERED, code="30003")
    assert show(story.request, story.accepted(), failed).status is Status.FAILED
    found = show(story.request, story.accepted(), failed, story.receipt(ReceiptStatus.DELIVERED))
    assert found.status is Status.DELIVERED
    assert found.decisive.reason is None


def test_receipt_of_a_failure_says_more_than_the_dispatcher() -> None:
    story = make_story()
    receipt = story.receipt(ReceiptStatus.FAILED, reason=FailureReason.UNREACHABLE)
    assert show(story.request, story.failed(), receipt).decisive.reason is FailureReason.UNREACHABLE


def test_receipt_through_another_channel_does_not_count() -> None:
    story = make_story()
    foreign = story.receipt(ReceiptStatus.READ, channel_id=OTHER_CHANNEL_ID)
    assert show(story.request, story.accepted(), foreign).status is Status.SENT


def test_finding_of_the_sweep_yields_to_every_dispatcher() -> None:
    story = make_story()
    requests, entries = as_facts([story.request, story.started()])
    finding = not_taken(story.request.id, KEY, story.request.data.channel_id, NOON)
    alone = shown(requests, [entries[0], finding])
    together = shown(requests, [*entries, finding])
    assert alone is not None
    assert alone.status is Status.NOT_CONFIRMED
    assert together is not None
    assert together.status is Status.SENDING


def test_provider_id_stays_when_a_receipt_decides() -> None:
    story = make_story()
    found = show(story.request, story.accepted(), story.receipt(ReceiptStatus.DELIVERED))
    assert (found.provider, found.provider_message_id) == ("twilio", "SM1")


def test_steps_tell_every_change_and_nothing_twice() -> None:
    story = make_story()
    whole = show(story.request, story.started(), story.deferred(), story.started(2), story.accepted(2))
    told = [entry.status for entry in steps(None, whole)]
    assert told == [Status.QUEUED, Status.SENDING, Status.WAITING, Status.SENDING, Status.SENT]
    assert [entry.status for entry in steps(Status.SENDING, whole)] == [Status.SENT]
    assert steps(Status.SENT, whole) == ()


def whole_life() -> Sequence[Event[Any]]:
    story, corrected = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    return (
        story.request,
        story.started(),
        story.accepted(),
        corrected.request,
        corrected.refused_as_changed(),
        story.receipt(ReceiptStatus.UNDELIVERED, code="30003", reason=FailureReason.UNREACHABLE),
        story.receipt(ReceiptStatus.DELIVERED),
    )


def tell(events: Sequence[Event[Any]]) -> tuple[Shown, list[Status]]:
    """Decide after every single event, as the handlers do; returns the last row and the statuses that were told."""
    known, told, row = Known(KEY, None, 0, None), [], None
    for count in range(1, len(events) + 1):
        change = decide(known, *as_facts(events[:count]), NOON)
        if change is not None:
            assert [told.event.data.previous for told in change.announcements][:1] in ([], [known.status])
            known = Known(KEY, change.shown.status, change.revision, change.noted)
            told += [announced.event.data.status for announced in change.announcements]
            row = change.shown
    assert row is not None
    assert known.revision == len(told)
    return row, told


def test_every_order_of_a_whole_life_ends_in_the_same_row() -> None:
    rows = {tell(order)[0] for order in permutations(whole_life())}
    assert len(rows) == 1
    assert rows.pop().status is Status.DELIVERED


def test_what_was_told_last_is_what_the_row_says_in_every_order() -> None:
    for order in permutations(whole_life()[:6]):
        row, told = tell(order)
        assert told[-1] is row.status


results = st.sampled_from(["started", "deferred", "unknown", "accepted", "failed", "expired", "cancelled"])
reports = st.sampled_from(ReceiptStatus)


@given(st.lists(results, max_size=5), st.lists(reports, max_size=3, unique=True), st.booleans(), st.integers())
def test_any_story_ends_the_same_in_any_order(
    said: list[str], reported: list[ReceiptStatus], corrected: bool, seed: int
) -> None:
    story, other = make_story(), make_story("Corrected", at=NOON + timedelta(seconds=5))
    events = [story.request, *(getattr(story, name)() for name in said), *(story.receipt(r) for r in reported)]
    if corrected:
        events += [other.request, other.refused_as_changed()]
    shuffled = [*events, *events[:2]]
    Random(seed).shuffle(shuffled)
    once = list({event.id: event for event in shuffled}.values())
    straight, _ = tell(events)
    row, told = tell(once)
    assert row == straight
    assert told[-1] is row.status
