"""The status events that tell listeners what changed."""

from proactive_contracts.codec import decode, encode
from proactive_contracts.envelope import traceparent_of
from proactive_contracts.status import Status
from status_tracker.domain.announcements import announcements
from status_tracker.domain.history import Shown, shown
from tests.unit.status_tracker.making import NOON, PHONE, Story, as_facts, make_request


def make_shown(*events: object) -> Shown:
    found = shown(*as_facts(events))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_each_change_follows_from_the_one_before() -> None:
    story = Story(make_request())
    told = list(announcements(None, 0, make_shown(story.request, story.started(), story.accepted()), NOON))
    pairs = [(one.event.data.previous, one.event.data.status) for one in told]
    assert pairs == [(None, Status.QUEUED), (Status.QUEUED, Status.SENDING), (Status.SENDING, Status.SENT)]


def test_ids_are_made_of_message_and_number_so_that_telling_again_is_recognised() -> None:
    story = Story(make_request())
    now = make_shown(story.request, story.accepted())
    first, second = announcements(None, 0, now, NOON)
    (again,) = announcements(Status.QUEUED, 1, now, NOON)
    assert first.event.id != second.event.id
    assert second.event.id == again.event.id
    other = Story(make_request(workspace_id="w2", message_id=story.request.data.message_id))
    assert next(announcements(None, 0, make_shown(other.request), NOON)).event.id != first.event.id


def test_announcement_is_an_event_of_the_contract_and_names_its_cause() -> None:
    story = Story(make_request())
    accepted = story.accepted()
    *_, last = announcements(None, 0, make_shown(story.request, accepted), NOON)
    event = decode(encode(last.event))
    assert event == last.event
    assert (event.causationid, event.data.since) == (accepted.id, accepted.time)
    assert event.correlationid == str(story.request.data.message_id)


def test_announcement_is_of_its_request_s_trace() -> None:
    story = Story(make_request())
    request, accepted = story.request, story.accepted()
    own = traceparent_of(request.data.workspace_id, request.data.message_id)
    assert {one.event.traceparent for one in announcements(None, 0, make_shown(request, accepted), NOON)} == {own}
    brought = request.model_copy(update={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    told = announcements(None, 0, make_shown(brought, accepted), NOON)
    assert {one.event.traceparent for one in told} == {brought.traceparent}


def test_announcement_holds_no_number_and_no_text() -> None:
    story = Story(make_request("a secret text"))
    failed = story.failed(detail=f"The 'To' number {PHONE} is not valid; {PHONE[1:]} neither")
    *_, last = announcements(None, 0, make_shown(story.request, failed), NOON)
    body = encode(last.event).decode()
    assert PHONE[1:] not in body
    assert "a secret text" not in body
    assert last.recipient == PHONE
