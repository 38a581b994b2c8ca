"""The rules between fields, and the small vocabularies."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from proactive_contracts.codec import decode, encode, make_event
from proactive_contracts.errors import InvalidEvent
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import (
    Channel,
    Recipient,
    ResultRoute,
    TemplateContent,
    TextContent,
    WorkspaceId,
)
from tests.unit.proactive_contracts.examples import make_request

SENT_AT = datetime(2026, 11, 23, 9, 14, tzinfo=UTC)


@pytest.mark.parametrize("address", ["+4915112345678", "+1234567", "+123456789012345", "US.13491208655302741918"])
def test_recipient_in_a_known_form_is_taken(address: str) -> None:
    assert TypeAdapter(Recipient).validate_python(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "4915112345678",
        "+0491511234567",
        "+49 151 12345678",
        "+123456",
        "+1234567890123456",
        "+49151123456\n",
        "+1;rm -rf",
        "\u202b+4915112345678",
        "+４９１５１１２３４５６７８",
        "+1" + "2" * 38,
        "us.1234",
        "USA.1234",
        "US.",
        "US." + "1" * 129,
    ],
)
def test_recipient_in_any_other_form_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match=r"E\.164"):
        TypeAdapter(Recipient).validate_python(address)


@pytest.mark.parametrize("workspace", ["", "a.b", "a*", "a#", "a b", "é", "x" * 65, "abc\n"])
def test_workspace_that_would_change_a_routing_key_is_refused(workspace: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(WorkspaceId).validate_python(workspace)


@pytest.mark.parametrize(
    "route",
    [
        "panel",
        "panel.*",
        "panel.#",
        "dispatcher.sms.interactive",
        "panel.7F0C2A4E-93F1-4C55-8A52-0E3A1F6BD9C7",
        "panel.7f0c2a4e-93f1-4c55-8a52-0e3a1f6bd9c7.x",
        "panel.7f0c2a4e-93f1-4c55-8a52-0e3a1f6bd9c7\n",
    ],
)
def test_result_route_to_anywhere_but_a_panel_is_refused(route: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ResultRoute).validate_python(route)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"recipient": "US.13491208655302741918"}, "an SMS needs a number"),
        ({"not_before": "2026-11-23T09:29:07.512Z"}, "not_before: must lie before not_after"),
        ({"not_before": "2026-11-24T00:00:00Z"}, "not_before: must lie before not_after"),
        ({"resend_of": "@own"}, "a message cannot re-send itself"),
        ({"not_after": "2026-11-30T09:14:07.513Z"}, "at most 7 days"),
        ({"content": {"kind": "text", "text": ""}}, "at least 1 character"),
        ({"content": {"kind": "text", "text": "x" * 4097}}, "at most 4096 characters"),
        ({"content": {"kind": "text", "text": "a\x00b"}}, "NUL"),
        ({"content": {"text": "no kind"}}, "discriminator 'kind'"),
        ({"content": {"kind": "video"}}, "kind"),
        ({"requested_by": {"kind": "robot", "name": "x"}}, "kind"),
        ({"channel": "fax"}, "channel"),
    ],
)
def test_request_that_breaks_a_rule_is_refused_with_the_rule(data: dict[str, Any], said: str) -> None:
    own = str(make_request().message_id)
    with pytest.raises(InvalidEvent, match=said):
        make_request(**{key: own if value == "@own" else value for key, value in data.items()})


@pytest.mark.parametrize(
    "data",
    [
        {"not_after": "2026-11-30T09:14:07.512Z"},  # exactly seven days
        {"not_after": "2020-01-01T00:00:00Z"},  # over already: the dispatcher says expired, the history knows of it
        {"channel": "whatsapp", "recipient": "US.13491208655302741918"},
        {"content": {"kind": "text", "text": "😀" * 4096}},
        {"content": {"kind": "text", "text": "\r\n\u202e<script>"}},
    ],
)
def test_request_at_the_edge_of_a_rule_is_taken(data: dict[str, Any]) -> None:
    assert make_request(**data).workspace_id == "sandbox1"


@pytest.mark.parametrize("language", ["de", "de_AT", "pt-BR", "fil"])
def test_template_language_in_a_known_form_is_taken(language: str) -> None:
    assert TemplateContent(name="welcome", language=language).variables == ()


def test_every_status_has_its_own_words() -> None:
    labels = {status.label for status in Status}
    assert len(labels) == len(Status)
    for status in Status:
        assert status.meaning.endswith(".")
        assert status.advice.endswith(".")


def test_every_channel_has_a_label() -> None:
    assert [channel.label for channel in Channel] == ["SMS", "WhatsApp", "Viber Business Messages"]


def test_unknown_reason_is_other_and_no_text_is_an_error() -> None:
    assert FailureReason("of_a_later_release") is FailureReason.OTHER
    with pytest.raises(ValueError):
        FailureReason(1)  # type: ignore[arg-type]


def test_request_from_the_future_is_refused_where_it_is_received() -> None:
    event = make_event(make_request(), id=uuid4(), time=SENT_AT, source="testing")
    assert decode(encode(event), SENT_AT).id == event.id
    with pytest.raises(InvalidEvent, match="time: lies in the future"):
        decode(encode(event), SENT_AT - timedelta(minutes=6))


@pytest.mark.parametrize("text", [" \n ", "\u3164", "\u2800 \u200b", "\ufe0f\u034f", "\u115f\u1160\uffa0"])
def test_blank_text_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must not be blank"):
        TextContent(text=text)


@pytest.mark.parametrize("text", ["\u3164가", "⠿", "❤\ufe0f", "."])
def test_text_with_anything_to_be_seen_is_not_blank(text: str) -> None:
    assert TextContent(text=text).text == text
