"""What the timeline keeps of an event."""

from datetime import timedelta
from typing import Literal
from uuid import uuid4

import pytest

from proactive_contracts.codec import EVENT_TYPES, make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.requests import CancelRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Service
from status_tracker.domain.entries import Source, entry_of
from status_tracker.domain.findings import Job, looked_up, not_taken
from tests.unit.status_tracker.making import MARIA, NOON, Story, make_request


def test_every_kind_of_event_becomes_an_entry_with_its_status() -> None:
    story = Story(make_request())
    expected = {
        "send_requested": (story.request, Status.QUEUED, Source.GATEWAY),
        "send_started": (story.started(), Status.SENDING, Source.DISPATCHER),
        "send_accepted": (story.accepted(), Status.SENT, Source.DISPATCHER),
        "send_deferred": (story.deferred(), Status.WAITING, Source.DISPATCHER),
        "send_failed": (story.failed(), Status.FAILED, Source.DISPATCHER),
        "send_unknown": (story.unknown(), Status.UNKNOWN, Source.DISPATCHER),
        "send_cancelled": (story.cancelled(), Status.CANCELLED, Source.DISPATCHER),
        "send_resolved": (story.resolved(), Status.NOT_SENT, Source.PERSON),
        "send_expired": (story.expired(), Status.EXPIRED, Source.DISPATCHER),
        "delivery_reported": (story.receipt(ReceiptStatus.DELIVERED), Status.DELIVERED, Source.RECEIPT),
    }
    for name, (event, status, source) in expected.items():
        entry = entry_of(event)
        assert (entry.event, entry.status, entry.source) == (name, status, source)
        assert entry.message_id == story.request.data.message_id


def test_request_of_a_service_names_it_as_source() -> None:
    entry = entry_of(make_request(requested_by=Service(name="billing")))
    assert entry.source is Source.SERVICE
    assert entry.is_request


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        (ReceiptStatus.SENT, Status.SENT),
        (ReceiptStatus.DELIVERED, Status.DELIVERED),
        (ReceiptStatus.READ, Status.READ),
        (ReceiptStatus.UNDELIVERED, Status.FAILED),
        (ReceiptStatus.FAILED, Status.FAILED),
    ],
)
def test_receipt_claims_the_status_that_agents_read(reported: ReceiptStatus, status: Status) -> None:
    assert entry_of(Story(make_request()).receipt(reported)).status is status


def test_refused_other_version_claims_no_status_and_says_why() -> None:
    entry = entry_of(Story(make_request()).refused_as_changed())
    assert entry.is_refusal
    assert entry.status is None
    assert entry.detail == "The earlier one is: Sent."


@pytest.mark.parametrize(
    ("verdict", "status", "words"),
    [
        ("sent", Status.SENT, "Maria Lopez marked it as sent."),
        ("not_sent", Status.NOT_SENT, "Maria Lopez marked it as not sent."),
    ],
)
def test_verdict_is_a_person_s_and_says_whose(verdict: Literal["sent", "not_sent"], status: Status, words: str) -> None:
    story = Story(make_request())
    entry = entry_of(story.resolved(verdict))
    assert (entry.source, entry.status, entry.detail) == (Source.PERSON, status, words)
    assert entry.answers == story.request.id


def test_what_is_put_off_says_why_and_until_when() -> None:
    due_at = NOON + timedelta(seconds=40)
    entry = entry_of(Story(make_request()).deferred(reason=FailureReason.CHANNEL_PAUSED, due_at=due_at))
    assert (entry.status, entry.reason, entry.due_at) == (Status.WAITING, FailureReason.CHANNEL_PAUSED, due_at)


def test_finding_from_the_dispatcher_s_job_is_about_the_request_that_it_took() -> None:
    request, taken = make_request(), uuid4()
    key, channel_id = (request.data.workspace_id, request.data.message_id), request.data.channel_id
    failed = Job(taken, Status.FAILED, 2, NOON, FailureReason.INVALID_NUMBER)
    entry = looked_up(failed, key, channel_id, NOON)
    assert (entry.answers, entry.status, entry.reason) == (taken, Status.FAILED, FailureReason.INVALID_NUMBER)
    assert entry.tells_claim
    assert entry.entry_id == looked_up(failed, key, channel_id, NOON + timedelta(hours=1)).entry_id


def test_failure_keeps_the_words_of_the_provider() -> None:
    entry = entry_of(Story(make_request()).failed(FailureReason.OPTED_OUT, "Attempt to send to unsubscribed recipient"))
    assert (entry.reason, entry.provider_code) == (FailureReason.OPTED_OUT, "21211")
    assert entry.detail == "Attempt to send to unsubscribed recipient"


def test_one_event_id_under_two_messages_makes_two_entries() -> None:
    first, second = make_request(), make_request()
    same_id = make_event(second.data, id=first.id, time=NOON, source="careless")
    assert entry_of(first).entry_id != entry_of(same_id).entry_id
    assert entry_of(first).entry_id == entry_of(first).entry_id


def test_finding_of_the_sweep_is_the_same_however_often_it_is_made() -> None:
    request = make_request()
    key, channel_id = (request.data.workspace_id, request.data.message_id), request.data.channel_id
    findings = {not_taken(request.id, key, channel_id, NOON).entry_id for _ in range(2)}
    assert len(findings) == 1
    assert not_taken(uuid4(), key, channel_id, NOON).entry_id not in findings


def test_other_payloads_are_refused() -> None:
    asked = make_request().data
    fields = {name: getattr(asked, name) for name in ("message_id", "workspace_id", "channel", "channel_id")}
    cancel = make_event(CancelRequested(**fields, requested_by=MARIA), id=uuid4(), time=NOON, source="test")
    assert type(cancel.data) in EVENT_TYPES
    with pytest.raises(TypeError, match="CancelRequested"):
        entry_of(cancel)
