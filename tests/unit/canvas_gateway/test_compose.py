"""From the form to a request, or to what is wrong with it."""

from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest

from canvas_gateway.domain.compose import (
    MAX_KEPT,
    Form,
    Sender,
    as_new_message,
    refusals,
    request_from,
    resend_from_history,
    resend_of,
)
from canvas_gateway.domain.values import Person
from proactive_contracts.envelope import content_digest, request_id
from proactive_contracts.status import Status
from proactive_contracts.values import TextContent
from tests.unit.canvas_gateway.builders import (
    ANNA,
    CONVERSATION,
    MARIA,
    MESSAGE_ID,
    NOW,
    WORKSPACE,
    make_channel,
    make_message,
    make_request,
)

GOOD = "+4915112345678"
SENDER = Sender(WORKSPACE, MARIA, ANNA, make_channel().chosen, CONVERSATION)


@pytest.mark.parametrize(
    ("phone", "text", "sentences"),
    [
        (GOOD, "Hello", []),
        (GOOD, "x" * 500, []),
        (GOOD, "😀" * 500, []),
        (GOOD, "x" * 501, ["501 characters; at most 500."]),
        (GOOD, "😀" * 501, ["501 characters; at most 500."]),
        (GOOD, "", ["There is no message yet."]),
        (GOOD, " \n\t\u00a0\u200b\u2060", ["There is no message yet."]),
        (GOOD, " \u3164\u2800\u115f\uffa0\ufe0f\u034f\u200b", ["There is no message yet."]),
        (GOOD, "\u3164가", []),
        (GOOD, "❤\ufe0f", []),
        (GOOD, "\ufffd", ["The text holds a character that cannot be sent."]),
        (GOOD, "a\x00b", ["The text holds a character that cannot be sent."]),
        (GOOD, "a\ud800b", ["The text holds a character that cannot be sent."]),
        ("", "Hello", ["Phone number is missing."]),
        ("  ", "Hello", ["Phone number is missing."]),
        (
            "12345",
            "Hello",
            [
                "Your phone number is invalid. Make sure the number is in an international phone format. See E.164",
            ],
        ),
        ("", "", ["Phone number is missing.", "There is no message yet."]),
    ],
)
def test_refusals_name_every_field_that_is_wrong(phone: str, text: str, sentences: list[str]) -> None:
    assert [found.sentence for found in refusals(Form(phone, text))] == sentences


@pytest.mark.parametrize("missing", [{}, {"compose.phone": "", "compose.text": ""}])
def test_fields_that_are_missing_are_empty(missing: dict[str, str]) -> None:
    assert Form.read(missing) == Form("", "")


def test_line_ends_count_as_one_character() -> None:
    form = Form.read({"compose.phone": GOOD, "compose.text": "x\r\n" * 250})
    assert len(form.text) == 500
    assert refusals(form) == ()


def test_text_far_too_long_is_told_whole_and_kept_in_part() -> None:
    form = Form.read({"compose.phone": GOOD, "compose.text": "x" * 100_000})
    assert refusals(form)[0].sentence == "100,000 characters; at most 500."
    assert len(form.kept.text) == MAX_KEPT


def test_request_carries_what_was_typed_and_chosen() -> None:
    request = request_from(Form("+49 151 12345678", "Hello"), SENDER, MESSAGE_ID, NOW + timedelta(minutes=15))
    assert request.recipient == GOOD
    assert request.content == TextContent(text="Hello")
    assert request.thread.conversation_id == CONVERSATION
    assert request.contact is not None
    assert request.contact.role == "user"
    assert not request.thread.open_new


def test_opening_a_conversation_is_another_request() -> None:
    form = Form(GOOD, "Hello")
    plain = request_from(form, SENDER, MESSAGE_ID, NOW)
    opening = request_from(form, SENDER, MESSAGE_ID, NOW, open_new=True)
    assert request_id(plain) != request_id(opening)


def test_later_not_after_is_the_same_request() -> None:
    form = Form(GOOD, "Hello")
    first = request_from(form, SENDER, MESSAGE_ID, NOW)
    second = request_from(form, SENDER, MESSAGE_ID, NOW + timedelta(hours=1))
    assert request_id(first) == request_id(second)


def test_refused_form_makes_no_request() -> None:
    with pytest.raises(ValueError):
        request_from(Form("", "Hello"), SENDER, MESSAGE_ID, NOW)


def test_visitor_has_no_role_in_the_contract() -> None:
    sender = Sender(WORKSPACE, MARIA, Person(id="1", role="visitor"), make_channel().chosen, CONVERSATION)
    request = request_from(Form(GOOD, "Hello"), sender, MESSAGE_ID, NOW)
    assert request.contact is not None
    assert request.contact.role is None


def test_resend_has_one_id_however_often_it_is_clicked() -> None:
    first = resend_of(make_request(), MARIA, NOW)
    second = resend_of(make_request(), MARIA, NOW + timedelta(minutes=1))
    assert first.message_id == second.message_id == uuid5(MESSAGE_ID, "resend")
    assert first.resend_of == MESSAGE_ID
    assert content_digest(first) == content_digest(make_request())


def test_refused_version_becomes_one_new_message() -> None:
    request = make_request(text="Corrected")
    first = as_new_message(request, request_id(request), NOW)
    assert first.message_id == uuid5(MESSAGE_ID, f"new:{request_id(request)}")
    assert first.resend_of is None
    assert first == as_new_message(request, request_id(request), NOW)


def test_resend_from_history_keeps_its_own_conversation() -> None:
    message = make_message(status=Status.FAILED, conversation_id="999")
    request = resend_from_history(message, MARIA, NOW)
    assert request is not None
    assert request.thread.conversation_id == "999"
    assert request.resend_of == message.message_id
    assert request.message_id == resend_of(make_request(), MARIA, NOW).message_id


@pytest.mark.parametrize(
    "changes",
    [{"status": Status.DELIVERED}, {"status": Status.SENDING}, {"text": None}, {"recipient": "erased"}],
)
def test_what_cannot_be_resent_is_not(changes: dict[str, Any]) -> None:
    assert resend_from_history(make_message(**{"status": Status.FAILED, **changes}), MARIA, NOW) is None
