"""The shipped schemas and examples say what the models say."""

import json
from importlib import resources

import jsonschema
import pytest

from proactive_contracts.codec import EVENT_TYPES, decode, encode
from proactive_contracts.envelope import receipt_id, request_id, result_id
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.requests import CancelRequested, ResolveRequested, SendRequested
from proactive_contracts.schemas import file_name, schema_of, text_of
from proactive_contracts.topology import EVENTS, address
from proactive_contracts.values import Model

PACKAGE = resources.files("proactive_contracts")
ALL = sorted(EVENT_TYPES, key=lambda payload: payload.__name__)
every_event = pytest.mark.parametrize("payload", ALL, ids=EVENT_TYPES.get)


def shipped(folder: str, payload: type[Model]) -> str:
    return (PACKAGE / folder / file_name(payload)).read_text("utf-8")


@every_event
def test_schema_is_what_the_models_generate(payload: type[Model]) -> None:
    assert shipped("schemas", payload) == text_of(payload), "run: .venv/bin/python -m proactive_contracts.schemas"


@every_event
def test_schema_is_a_schema(payload: type[Model]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(payload))


@pytest.mark.parametrize("folder", ["schemas", "examples"])
def test_there_is_a_file_for_each_event_and_no_other(folder: str) -> None:
    found = {file.name for file in (PACKAGE / folder).iterdir() if file.name.endswith(".json")}
    assert found == {file_name(payload) for payload in ALL}


@every_event
def test_example_satisfies_its_schema(payload: type[Model]) -> None:
    checker = jsonschema.Draft202012Validator(
        schema_of(payload), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    checker.validate(json.loads(shipped("examples", payload)))


@every_event
def test_example_decodes_and_encodes_to_itself(payload: type[Model]) -> None:
    text = shipped("examples", payload)
    event = decode(text.encode())
    assert type(event.data) is payload
    assert decode(encode(event)) == event
    assert json.loads(encode(event)) == json.loads(text)


@every_event
def test_example_carries_the_type_of_its_file(payload: type[Model]) -> None:
    fields = json.loads(shipped("examples", payload))
    assert f"{fields['type']}.json" == f"proactive.{file_name(payload)}"


def test_request_example_carries_its_computed_id() -> None:
    event = decode(shipped("examples", SendRequested).encode())
    assert event.id == request_id(event.data)


def test_result_examples_answer_the_request_example() -> None:
    request = decode(shipped("examples", SendRequested).encode())
    events = [decode(shipped("examples", payload).encode()) for payload in ALL]
    results = [event for event in events if address(event)[1].startswith("delivery.")]
    assert len(results) == 8
    for event in results:
        assert address(event)[0] == EVENTS
        assert event.causationid == request.id
        assert event.id in {result_id(request.id, step, event.type) for step in range(20)}


def test_receipt_example_carries_its_computed_id() -> None:
    event = decode(shipped("examples", DeliveryReported).encode())
    receipt = event.data
    assert event.id == receipt_id(
        receipt.channel_id, receipt.provider_message_id, receipt.status, receipt.provider_code
    )


@pytest.mark.parametrize("payload", [SendRequested, CancelRequested, ResolveRequested], ids=EVENT_TYPES.get)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_id", 7),
        ("workspace_id", "a.b"),
        ("channel", "fax"),
        ("requested_by", {"id": "1", "name": "no kind"}),
        ("requested_by", {"kind": "robot", "name": "x"}),
    ],
)
def test_schema_refuses_what_we_refuse(payload: type[Model], field: str, value: object) -> None:
    fields = json.loads(shipped("examples", payload))
    fields["data"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(fields, schema_of(payload))


@every_event
def test_schema_refuses_the_type_of_another_event(payload: type[Model]) -> None:
    fields = json.loads(shipped("examples", payload)) | {"type": "proactive.other.v1"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(fields, schema_of(payload))


@every_event
def test_schema_accepts_unknown_fields_and_unknown_reasons(payload: type[Model]) -> None:
    fields = json.loads(shipped("examples", payload))
    fields["later"] = fields["data"]["later"] = {"a": 1}
    if "reason" in payload.model_fields:
        fields["data"]["reason"] = "of_a_later_release"
    jsonschema.validate(fields, schema_of(payload))
    assert type(decode(json.dumps(fields).encode()).data) is payload
