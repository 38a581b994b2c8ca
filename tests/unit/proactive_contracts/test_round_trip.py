"""Whatever we write, we read back as the same."""

import json
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_contracts.codec import MAX_BODY, decode, encode, properties_of
from proactive_contracts.envelope import Event
from proactive_contracts.schemas import schema_of
from tests.unit.proactive_contracts.strategies import events


@settings(max_examples=300, deadline=None)
@given(events())
def test_encoded_event_decodes_to_the_same(event: Event[Any]) -> None:
    assert decode(encode(event)) == event


@settings(max_examples=100, deadline=None)
@given(events())
def test_encoding_twice_yields_the_same_bytes(event: Event[Any]) -> None:
    assert encode(decode(encode(event))) == encode(event)


@settings(max_examples=100, deadline=None)
@given(events())
def test_what_we_write_satisfies_our_schema(event: Event[Any]) -> None:
    jsonschema.validate(json.loads(encode(event)), schema_of(type(event.data)))


@settings(max_examples=100, deadline=None)
@given(events(), st.dictionaries(st.text(st.characters(categories=["Ll"]), min_size=9), st.integers() | st.text()))
def test_fields_of_later_minor_versions_are_ignored(event: Event[Any], extra: dict[str, Any]) -> None:
    fields = json.loads(encode(event))
    unknown = {f"x_{key}": value for key, value in extra.items()}
    fields |= unknown
    fields["data"] |= unknown
    body = json.dumps(fields).encode()
    assert len(body) <= MAX_BODY
    assert decode(body) == event


@given(events())
def test_properties_mirror_the_envelope(event: Event[Any]) -> None:
    properties = properties_of(event)
    assert properties.message_id == str(event.id)
    assert properties.type == event.type
    assert properties.app_id == event.source
    assert properties.correlation_id == event.correlationid
    assert properties.timestamp == event.time
    assert properties.headers.get("traceparent") == event.traceparent
