"""What Intercom sends, in the shapes that its pages, its SDK and its calls disagree on."""

from typing import Any

import pytest
from pydantic import ValidationError

from canvas_gateway.canvas_kit.requests import Initialize, Submit
from canvas_gateway.canvas_kit.strict_json import MalformedJson, parse_object

PLACE: dict[str, Any] = {
    "workspace_id": "sandbox1",
    "admin": {"id": "814860", "name": "Maria Lopez", "type": "admin", "avatar": {"image_url": None}},
    "conversation": {"id": 215470001, "type": "conversation"},
}
ANNA: dict[str, Any] = {
    "id": "6657",
    "role": "user",
    "name": " Anna ",
    "phone": None,
    "email": "",
    "custom_attributes": {},
}


@pytest.mark.parametrize(
    "people",
    [
        {"contact": ANNA},
        {"customer": ANNA},
        {"user": ANNA},
        {"contact": None, "customer": ANNA},
        {"contact": ANNA, "customer": {"id": "other"}},
    ],
)
def test_contact_is_found_under_each_of_its_names(people: dict[str, Any]) -> None:
    request = Initialize.model_validate({**PLACE, **people, "workspace_region": "US", "something_new": [1]})
    assert request.contact.id == "6657"
    assert request.contact.name == "Anna"
    assert request.contact.phone is request.contact.email is None
    assert request.conversation.id == "215470001"


@pytest.mark.parametrize("missing", ["workspace_id", "admin", "conversation", "contact"])
def test_missing_field_is_named(missing: str) -> None:
    fields = {name: value for name, value in {**PLACE, "contact": ANNA}.items() if name != missing}
    with pytest.raises(ValidationError) as refused:
        Initialize.model_validate(fields)
    assert [problem["loc"] for problem in refused.value.errors()] == [(missing,)]


@pytest.mark.parametrize("values", [None, {}, {"a": None}, {"a": ""}, {"a": ["x"]}, {"a": 1}, {"a": {"b": "c"}}])
def test_inputs_that_hold_no_text_are_empty(values: Any) -> None:
    submit = Submit.model_validate({**PLACE, "contact": ANNA, "component_id": "a", "input_values": values})
    assert submit.typed == {}
    assert submit.stored_data == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e400}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":1,"a":2}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\x00"}',
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' * 10_000,
        b"\xff\xfe",
        b"{}{}",
    ],
)
def test_what_no_honest_client_sends_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_object(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"x\\u0000y", "x\ufffdy"),
        (b"\\\\\\u0000", "\\\ufffd"),
        (b"\\\\u0000", "\\u0000"),
        (b"\\ud800", "\ufffd"),
        (b"\\uDC00\\ud83d\\ude00\\ud83d", "\ufffd😀\ufffd"),
        (b"\\ud83d\\ud83d\\ude00", "\ufffd😀"),
    ],
)
def test_what_no_text_can_hold_is_replaced(body: bytes, text: str) -> None:
    assert parse_object(b'{"a":"' + body + b'"}') == {"a": text}


def test_people_are_read_without_what_no_text_can_hold() -> None:
    odd = {**ANNA, "name": "An\ufffdna", "phone": "\ufffd"}
    contact = Initialize.model_validate({**PLACE, "contact": odd}).contact
    assert (contact.name, contact.phone) == ("Anna", None)


@pytest.mark.parametrize("body", [b'{"a":"\\\\u0000"}', '{"a":"\\ud83d\\ude00 é"}'.encode(), b' {"a": [[[1.5e3]]]} '])
def test_unusual_but_honest_json_is_read(body: bytes) -> None:
    assert "a" in parse_object(body)
