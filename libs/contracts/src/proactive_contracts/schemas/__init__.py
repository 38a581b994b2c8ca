"""
JSON Schemas of every event, envelope included, for neighbours that do not use our Python models.

They are generated: `python -m proactive_contracts.schemas` writes them beside this file, and a test fails on
drift. They say what `codec.decode` accepts, but for rules between fields, which only their descriptions tell.
"""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.envelope import Event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import Model


def file_name(payload: type[Model]) -> str:
    """The name of an event's schema file and of its example's, such as `send_requested.v1.json`."""
    return f"{_short_name(payload)}.json"


def schema_of(payload: type[Model]) -> dict[str, Any]:
    """The schema of a whole event as it stands on the bus."""
    schema = Event[payload].model_json_schema(schema_generator=_Plain)  # type: ignore[valid-type]
    definitions: dict[str, Any] = schema["$defs"]
    for definition in definitions.values():
        _require_kind(definition)
        _unwrap_description(definition)
    if FailureReason.__name__ in definitions:
        definitions[FailureReason.__name__] = _open_reason()
    schema["properties"]["type"]["const"] = EVENT_TYPES[payload]
    about = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:proactive:event:{_short_name(payload)}",
        "title": EVENT_TYPES[payload],
        "description": definitions[payload.__name__]["description"],
    }
    return about | {key: value for key, value in schema.items() if key not in about}


def text_of(payload: type[Model]) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema_of(payload), indent=2, ensure_ascii=False) + "\n"


class _Plain(GenerateJsonSchema):
    """Without a title on every field that only repeats its name."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _short_name(payload: type[Model]) -> str:
    return EVENT_TYPES[payload].removeprefix("proactive.")


def _require_kind(definition: dict[str, Any]) -> None:
    """`kind` tells the members of a union apart: it has a default in Python and must be there in JSON."""
    if "kind" in definition.get("properties", {}):
        definition["required"] = ["kind", *definition.get("required", [])]


def _unwrap_description(definition: dict[str, Any]) -> None:
    """Docstrings are broken into lines for our editors; their readers elsewhere have other widths."""
    if "description" in definition:
        paragraphs = definition["description"].split("\n\n")
        definition["description"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _open_reason() -> dict[str, Any]:
    """Later releases add reasons without a new major version, so that a reader must not refuse one."""
    return {
        "title": FailureReason.__name__,
        "description": "Why it was not sent or not delivered. Read a reason that you do not know as `other`.",
        "type": "string",
        "examples": [reason.value for reason in FailureReason],
    }
