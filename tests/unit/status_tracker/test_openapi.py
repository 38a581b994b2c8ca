"""The API's description is valid, and says what the code does."""

from openapi_spec_validator import OpenAPIV31SpecValidator

from status_tracker.openapi import MESSAGE_PATH, MESSAGES_PATH, REPEATED_PATH, description
from status_tracker.queries import MAX_LIMIT


def test_description_is_valid_openapi_31() -> None:
    OpenAPIV31SpecValidator(description()).validate()


def test_description_names_every_parameter_and_limit() -> None:
    parameters = {p["name"]: p for p in description()["paths"][MESSAGES_PATH]["get"]["parameters"]}
    assert set(parameters) == {
        "workspace_id",
        "conversation_id",
        "requested_by",
        "channel",
        "status",
        "search",
        "from",
        "to",
        "limit",
        "cursor",
    }
    assert parameters["workspace_id"]["required"]
    assert parameters["limit"]["schema"]["maximum"] == MAX_LIMIT
    assert not parameters["limit"]["required"]


def test_every_answer_has_a_schema_that_is_there() -> None:
    schemas = description()["components"]["schemas"]
    for path in (MESSAGES_PATH, MESSAGE_PATH, REPEATED_PATH):
        for answer in description()["paths"][path]["get"]["responses"].values():
            (content,) = answer["content"].values()
            assert content["schema"]["$ref"].rpartition("/")[2] in schemas
