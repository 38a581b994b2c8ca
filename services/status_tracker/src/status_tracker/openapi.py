"""The API's description (OpenAPI 3.1), made from the models that answer."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from status_tracker.answers import MessageWithTimeline, Page, Problem
from status_tracker.queries import MessagePath, OneMessagePath, PageQuery, RepeatQuery, Wanted

MESSAGES_PATH = "/v1/workspaces/{workspace_id}/messages"
EXPORT_PATH = MESSAGES_PATH + ".csv"
MESSAGE_PATH = MESSAGES_PATH + "/{message_id}"
REPEATED_PATH = "/v1/workspaces/{workspace_id}/repeated"

_ANSWERS: tuple[type[BaseModel], ...] = (Page, MessageWithTimeline, Problem)


@cache
def description() -> dict[str, Any]:
    """The description as a JSON object; do not change it."""
    _, schemas = models_json_schema(
        [(model, "serialization") for model in _ANSWERS], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Proactive: sent messages",
            "version": "1.1.0",
            "description": "What was sent on behalf of a workspace, and what became of it.",
        },
        "security": [{"serviceToken": []}],
        "paths": {
            MESSAGES_PATH: {"get": _list_messages()},
            EXPORT_PATH: {"get": _export_messages()},
            MESSAGE_PATH: {"get": _get_message()},
            REPEATED_PATH: {"get": _find_repeated()},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"serviceToken": {"type": "http", "scheme": "bearer"}},
        },
    }


def _list_messages() -> dict[str, Any]:
    return {
        "operationId": "listMessages",
        "summary": "Messages of a workspace, newest first",
        "parameters": [*_parameters(MessagePath, "path"), *_parameters(PageQuery, "query")],
        "responses": _responses(Page, "A page of messages", "400", "401"),
    }


def _export_messages() -> dict[str, Any]:
    table = {"description": "The messages, a line each (RFC 4180)", "content": {"text/csv": {}}}
    return {
        "operationId": "exportMessages",
        "summary": "All messages that fit, as CSV, newest first",
        "parameters": [*_parameters(MessagePath, "path"), *_parameters(Wanted, "query")],
        "responses": {"200": table} | _problems("400", "401"),
    }


def _get_message() -> dict[str, Any]:
    return {
        "operationId": "getMessage",
        "summary": "One message with its timeline",
        "parameters": _parameters(OneMessagePath, "path"),
        "responses": _responses(MessageWithTimeline, "The message", "400", "401", "404"),
    }


def _find_repeated() -> dict[str, Any]:
    return {
        "operationId": "findRepeated",
        "summary": "The newest message to somebody with the same text, unless it is certain that it was not sent",
        "parameters": [*_parameters(MessagePath, "path"), *_parameters(RepeatQuery, "query")],
        "responses": _responses(Page, "That message, or none", "400", "401"),
    }


_PROBLEMS = {
    "400": "A parameter breaks its rules; `detail` names it",
    "401": "The service token is missing or unknown",
    "404": "The workspace has no such message",
}


def _responses(model: type[BaseModel], meaning: str, *problems: str) -> dict[str, Any]:
    return {"200": _response(model, meaning, "application/json")} | _problems(*problems)


def _problems(*codes: str) -> dict[str, Any]:
    return {code: _response(Problem, _PROBLEMS[code], "application/problem+json") for code in codes}


def _response(model: type[BaseModel], meaning: str, media_type: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": meaning, "content": {media_type: {"schema": schema}}}


def _parameters(model: type[BaseModel], place: str) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [_parameter(name, place, fields, name in required) for name, fields in schema["properties"].items()]


def _parameter(name: str, place: str, fields: dict[str, Any], required: bool) -> dict[str, Any]:
    is_list = any(kind.get("type") == "array" for kind in fields.get("anyOf", ()))
    described = {"name": name, "in": place, "required": required, "schema": fields}
    return described | ({"style": "form", "explode": False} if is_list else {})
