"""Which notes are written, and what they say."""

import re
from dataclasses import replace
from html import escape
from itertools import permutations
from uuid import UUID

import pytest

from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReceiptStatus
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Admin, TemplateContent, TemplateVariable
from status_tracker.domain.entries import entry_of
from status_tracker.domain.findings import not_taken
from status_tracker.domain.notes import Kind, due, kind_of, marker, note, readable
from tests.unit.status_tracker.making import NOON, Story, as_request, make_entry, make_request

MESSAGE_ID = UUID("6f1d2f60-5d5c-4a53-9d4c-0a3c5f7a0001")


def make_note(request: Event[SendRequested], outcome: str, **fields: object) -> str:
    event = getattr(Story(request), outcome)(**fields)
    return note(as_request(request), entry_of(event), "reference1")


def test_sent_note_names_channel_recipient_sender_and_text() -> None:
    html = make_note(make_request("Hello Anna\nyour order is here"), "accepted")
    assert "<b>SMS message sent</b>: to +4915112345678 (Anna Schmidt), by Maria Lopez." in html
    assert "“Hello Anna<br>your order is here”" in html
    assert html.endswith('<p><i>The whole story is behind "View sent messages". Ref reference1</i></p>')


def test_texts_and_names_are_escaped() -> None:
    html = make_note(make_request('<img src="x"> & co'), "accepted")
    assert "&lt;img src=&quot;x&quot;&gt; &amp; co" in html
    assert set(re.findall(r"<[^>]*>", html)) <= {"<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "<br>"}


def test_failed_note_says_why_and_what_to_do() -> None:
    html = make_note(make_request(), "failed", reason=FailureReason.OPTED_OUT, detail="Unsubscribed <recipient>")
    why, advice = FailureReason.OPTED_OUT.why, FailureReason.OPTED_OUT.advice
    assert "<b>SMS message failed</b>" in html
    assert why in html
    assert advice in html
    assert "(twilio: 21211 Unsubscribed &lt;recipient&gt;)" in html


def test_words_of_ours_are_not_told_as_the_provider_s() -> None:
    detail = "The text has 1001 characters; Viber takes at most 1000."
    html = make_note(make_request(), "not_asked", reason=FailureReason.CONTENT, detail=detail)
    assert f"{FailureReason.CONTENT.why} ({detail})" in html
    assert "provider" not in html

    unclear = "The provider did not answer in time after the request had gone out."
    assert f"({unclear})" in make_note(make_request(), "unknown", detail=unclear)


def test_note_on_what_was_sent_after_all_adds_nothing() -> None:
    html = make_note(make_request(), "not_asked", reason=FailureReason.ALREADY_SENT, detail="It is marked 'Sent'.")
    assert "marked" not in html


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("accepted", Status.SENT),
        ("unknown", Status.UNKNOWN),
        ("expired", Status.EXPIRED),
        ("cancelled", Status.CANCELLED),
    ],
)
def test_other_outcomes_say_what_the_status_means_and_what_to_do(outcome: str, status: Status) -> None:
    html = make_note(make_request(), outcome)
    assert f"<b>SMS message {status.label.lower()}</b>" in html
    assert escape(status.meaning) in html
    assert escape(status.advice) in html


def test_note_about_a_verdict_says_whose_it_is() -> None:
    refuted = make_note(make_request(), "resolved", verdict="not_sent", requested_by=Admin(id="1", name="Tom <b>"))
    assert "<b>SMS message not sent</b>" in refuted
    assert "Tom &lt;b&gt; marked it as not sent." in refuted
    assert Status.NOT_SENT.advice in refuted
    confirmed = make_note(make_request(), "resolved", verdict="sent")
    assert "<b>SMS message sent</b>" in confirmed
    assert "Maria Lopez marked it as sent." in confirmed
    assert escape(Status.SENT.meaning) not in confirmed
    assert escape(Status.SENT.advice) in confirmed


def test_note_about_a_text_that_is_not_kept_any_more_quotes_nothing() -> None:
    request = make_request("Hello Anna")
    removed = replace(as_request(request), text_removed=True)
    html = note(removed, entry_of(Story(request).accepted()), "reference1")
    assert "Its text is not kept any more." in html
    assert "“" not in html


def test_words_of_a_provider_that_took_it_are_left_to_the_history() -> None:
    asked = make_request()
    receipt = Story(asked).receipt(ReceiptStatus.DELIVERED, code="5", detail="Message delivered to handset")
    html = note(as_request(asked), entry_of(receipt), "reference1")
    assert "<b>SMS message delivered</b>" in html
    assert "handset" not in html


def test_note_about_a_part_that_failed_says_so_with_the_provider_s_words() -> None:
    asked = make_request()
    part = Story(asked).receipt(
        ReceiptStatus.UNDELIVERED, code="30003", reason=FailureReason.PARTIAL, detail="Unreachable"
    )
    html = note(as_request(asked), entry_of(part), "reference1")
    assert f"{FailureReason.PARTIAL.why} (twilio: 30003 Unreachable)" in html
    assert FailureReason.PARTIAL.advice in html


def test_note_about_what_nobody_took_says_that_it_is_not_confirmed() -> None:
    request = make_request()
    asked = request.data
    finding = not_taken(MESSAGE_ID, (asked.workspace_id, asked.message_id), asked.channel_id, NOON)
    html = note(as_request(request), finding, "reference1")
    assert "<b>SMS message not confirmed</b>" in html
    assert Status.NOT_CONFIRMED.meaning in html


def test_markers_are_one_word_and_none_holds_another() -> None:
    markers = [marker(MESSAGE_ID, kind) for kind in Kind]
    assert all(text.replace("-", "").isalnum() for text in markers)
    assert not [pair for pair in permutations(markers, 2) if pair[0] in pair[1]]


@pytest.mark.parametrize(
    ("noted", "status", "expected"),
    [
        (None, Status.QUEUED, None),
        (None, Status.SENDING, None),
        (None, Status.WAITING, None),
        (None, Status.CANCELLED, None),
        (Kind.UNTAKEN, Status.CANCELLED, Kind.STOPPED),
        (Kind.STOPPED, Status.DELIVERED, Kind.REACHED),
        (None, Status.SENT, Kind.SENT),
        (None, Status.DELIVERED, Kind.SENT),
        (None, Status.FAILED, Kind.FAILED),
        (None, Status.EXPIRED, Kind.EXPIRED),
        (None, Status.UNKNOWN, Kind.UNKNOWN),
        (None, Status.NOT_CONFIRMED, Kind.UNTAKEN),
        (Kind.SENT, Status.DELIVERED, None),
        (Kind.SENT, Status.READ, None),
        (Kind.SENT, Status.FAILED, Kind.FAILED),
        (Kind.UNKNOWN, Status.SENT, Kind.SENT),
        (Kind.UNKNOWN, Status.DELIVERED, Kind.SENT),
        (Kind.UNKNOWN, Status.FAILED, Kind.FAILED),
        (Kind.UNKNOWN, Status.NOT_SENT, Kind.REFUTED),
        (Kind.REFUTED, Status.SENT, Kind.ARRIVED),
        (Kind.UNTAKEN, Status.UNKNOWN, None),
        (Kind.UNTAKEN, Status.SENT, Kind.SENT),
        (Kind.UNTAKEN, Status.SENDING, None),
        (Kind.FAILED, Status.DELIVERED, Kind.REACHED),
        (Kind.REACHED, Status.READ, None),
        (Kind.EXPIRED, Status.SENT, Kind.ARRIVED),
        (Kind.ARRIVED, Status.READ, None),
        (Kind.EXPIRED, Status.FAILED, None),
    ],
)
def test_a_note_is_due_for_the_first_outcome_and_for_what_is_worse_or_resolved(
    noted: Kind | None, status: Status, expected: Kind | None
) -> None:
    assert due(noted, kind_of(make_entry(status))) is expected


@pytest.mark.parametrize(
    ("noted", "expected"),
    [(None, Kind.PARTIAL), (Kind.SENT, Kind.PARTIAL), (Kind.ARRIVED, Kind.PARTIAL), (Kind.FAILED, None)],
)
def test_part_that_failed_is_noted_though_the_rest_had_arrived(noted: Kind | None, expected: Kind | None) -> None:
    partial = make_entry(Status.FAILED, reason=FailureReason.PARTIAL)
    assert due(noted, kind_of(partial)) is expected
    assert due(Kind.PARTIAL, kind_of(partial)) is None


def test_nothing_is_noted_before_there_is_an_outcome() -> None:
    untold = [status for status in Status if kind_of(make_entry(status)) is None]
    assert untold == [Status.QUEUED, Status.SENDING, Status.WAITING]


def test_template_is_told_by_its_name_and_variables() -> None:
    content = TemplateContent(name="order_ready", language="de", variables=(TemplateVariable(name="1", value="Anna"),))
    assert readable(content) == "Template order_ready (de)\n1: Anna"
