"""What is read from the bus, and how everything else is told apart."""

import json
from typing import Any
from uuid import UUID

import pytest

from proactive_contracts.codec import EVENT_TYPES, MAX_BODY, decode, encode, make_event, properties_of
from proactive_contracts.errors import ContractError, InvalidEvent, MalformedEvent, UnsupportedEvent
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReplyReceived, TeammateReplied
from proactive_contracts.requests import SendRequested
from proactive_contracts.results import SendAccepted, SendFailed, SendStarted
from proactive_contracts.status import MessageStatusChanged
from proactive_contracts.values import Model
from tests.unit.proactive_contracts.examples import ALL_PAYLOADS, example


def body_of(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def with_raw(payload: type[Model], field: str, json_value: str) -> bytes:
    """An example whose data.`field` is this very text, which json.dumps might not write."""
    return body_of(example(payload, **{field: "@"})).replace(b'"@"', json_value.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b'{"type": 1}',
        b'{"type": null}',
        b'{"type": ["proactive.send_requested.v1"]}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",  # a byte order mark
        b"[" * 100_000,
        b'{"type": "proactive.send_requested.v1", "data": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        b'{"type": "proactive.send_requested.v1", "x": NaN}',
        b'{"type": "proactive.send_requested.v1", "x": Infinity}',
        b'{"type": "proactive.send_requested.v1", "x": "\\ud800"}',
        b'{"type": "proactive.send_requested.v1", "x": "\xed\xa0\x80"}',  # the same surrogate as bytes
        b'{"type": "proactive.send_requested.v1", "x": "\x00"}',
        b'{"type": "proactive.send_requested.v1", "x": 1' + b"0" * 5_000 + b"}",
        b'{"type": "proactive.send_requested.v1"} {}',
    ],
    ids=lambda body: repr(body[:48]),
)
def test_bytes_that_are_no_event_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(body)


def test_largest_body_is_read_and_one_byte_more_is_malformed() -> None:
    body = body_of(example(SendRequested))
    assert decode(body + b" " * (MAX_BODY - len(body))) == decode(body)
    with pytest.raises(MalformedEvent, match=str(MAX_BODY)):
        decode(body + b" " * (MAX_BODY + 1 - len(body)))


@pytest.mark.parametrize("name", ["proactive.send_requested.v2", "proactive.other.v1", "com.example.thing", ""])
def test_type_of_the_future_is_unsupported(name: str) -> None:
    with pytest.raises(UnsupportedEvent, match=r"proactive\.send_requested\.v1"):
        decode(body_of(example(SendRequested) | {"type": name}))


def test_endless_type_is_cut_in_the_error() -> None:
    with pytest.raises(UnsupportedEvent) as caught:
        decode(body_of({"type": "x" * 10_000}))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("field", ["id", "source", "time", "data"])
def test_missing_field_of_the_envelope_is_named(field: str) -> None:
    fields = example(SendRequested)
    del fields[field]
    with pytest.raises(InvalidEvent, match=f"{field}: Field required"):
        decode(body_of(fields))


@pytest.mark.parametrize("payload", ALL_PAYLOADS, ids=EVENT_TYPES.get)
def test_each_missing_required_field_is_named(payload: type[Model]) -> None:
    for name, field in payload.model_fields.items():
        if field.is_required():
            with pytest.raises(InvalidEvent, match=f"data.{name}: Field required"):
                decode(body_of(example(payload, **{name: None})))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("specversion", "0.3"),
        ("id", "not-a-uuid"),
        ("time", "yesterday"),
        ("time", "2026-11-23T09:14:07"),  # of which time zone?
        ("datacontenttype", "text/xml"),
        ("traceparent", "garbage"),
        ("subject", "\x00"),
        ("source", ""),
        ("correlationid", "x" * 201),
        ("data", None),
        ("data", []),
        ("data", "text"),
    ],
)
def test_broken_field_of_the_envelope_is_invalid(field: str, value: object) -> None:
    with pytest.raises(InvalidEvent, match=f"^{field}"):
        decode(body_of(example(SendRequested) | {field: value}))


@pytest.mark.parametrize(
    ("payload", "field", "json_value"),
    [
        (SendStarted, "attempt", "-1"),
        (SendStarted, "attempt", "NaN"),
        (SendStarted, "attempt", "1e400"),
        (SendStarted, "attempt", "1" + "0" * 400),
        (SendStarted, "attempt", "2147483648"),
        (SendStarted, "attempt", "1.5"),
        (SendAccepted, "segments", "1" + "0" * 400),
        (SendAccepted, "provider_message_id", '"a\\u0000b"'),
        (SendFailed, "detail", '"\\u0000"'),
        (ReplyReceived, "text", '"\\u0000"'),
        (TeammateReplied, "text", '"\\u0000"'),
        (TeammateReplied, "text", f'"{"x" * 20_001}"'),
        (SendRequested, "not_after", "1" + "0" * 400),
        (SendRequested, "not_after", "1e400"),
        (SendRequested, "not_after", '"9999-12-31T23:59:59-12:00"'),  # beyond year 9999 in UTC
        (SendRequested, "contact", '{"id": "\\u0000"}'),
        (MessageStatusChanged, "status", '"teleported"'),
        (DeliveryReported, "reported_at", '"0001-01-01T00:00:00+12:00"'),  # before year 1 in UTC
    ],
)
def test_value_that_nobody_could_store_is_refused(payload: type[Model], field: str, json_value: str) -> None:
    with pytest.raises(ContractError):
        decode(with_raw(payload, field, json_value))


def test_error_names_the_field_and_never_quotes_the_value() -> None:
    secret = "+49 151 9876 5432"
    with pytest.raises(InvalidEvent) as caught:
        decode(body_of(example(SendRequested, recipient=secret, content={"kind": "s3cret"}, contact={"id": []})))
    said = str(caught.value)
    assert "data.recipient: Value error, must be a number in E.164 format" in said
    assert "data.content: kind must be one of 'text', 'template'" in said
    assert "data.contact.id: " in said
    assert "9876" not in said
    assert "s3cret" not in said


def test_of_two_equal_keys_the_last_counts_everywhere() -> None:
    body = body_of(example(SendStarted)).decode()
    body = body.replace('"type": ', '"type": "proactive.send_failed.v1", "type": ')
    body = body.replace('"attempt": ', '"attempt": 7, "attempt": ')
    event = decode(body.encode())
    assert isinstance(event.data, SendStarted)
    assert event.type == "proactive.send_started.v1"
    assert event.data.attempt == 1


def test_huge_number_in_an_unknown_field_is_ignored() -> None:
    fields = example(SendStarted)
    fields["data"]["later"] = 10**400
    assert decode(body_of(fields)).data.attempt == 1


def test_reason_of_a_later_release_reads_as_other() -> None:
    event = decode(body_of(example(SendFailed, reason="moon_phase")))
    assert event.data.reason is FailureReason.OTHER


def test_reason_that_is_no_text_is_invalid() -> None:
    with pytest.raises(InvalidEvent):
        decode(body_of(example(SendFailed, reason=7)))


def test_times_are_kept_in_utc() -> None:
    event = decode(body_of(example(SendRequested) | {"time": "2026-11-23T11:14:07.512+02:00"}))
    assert event.time.isoformat() == "2026-11-23T09:14:07.512000+00:00"
    assert b'"time":"2026-11-23T09:14:07.512000Z"' in encode(event)


def test_absent_fields_are_not_written() -> None:
    assert b"null" not in encode(decode(body_of(example(SendStarted))))


def test_make_event_fills_subject_and_correlation_from_the_payload() -> None:
    told = decode(body_of(example(SendStarted)))
    event = make_event(told.data, id=UUID(int=1), time=told.time, source="dispatcher", causation=UUID(int=2))
    assert event.type == "proactive.send_started.v1"
    assert event.subject == event.correlationid == str(told.data.message_id)
    assert event.causationid == UUID(int=2)


def test_make_event_without_a_message_has_no_subject() -> None:
    told = decode(body_of(example(TeammateReplied)))
    event = make_event(told.data, id=UUID(int=1), time=told.time, source="canvas_gateway")
    assert event.subject is None
    assert properties_of(event).correlation_id is None


@pytest.mark.parametrize("error", [MalformedEvent, UnsupportedEvent, InvalidEvent])
def test_every_error_has_a_word_for_headers_and_metrics(error: type[ContractError]) -> None:
    assert error.reason.isidentifier()
    assert error.reason != ContractError.reason
