"""
Every canvas fits the Canvas Kit types of Intercom's own `python-intercom` 4.0.0, the last release that had them.

They are generated from Intercom's description and are loose: unknown fields pass, and so does any word where a style
is expected. Both are looked at here as well. No exception is needed so far; one would be listed here with its reason.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from intercom.types.canvas_object import CanvasObject
from pydantic import BaseModel

from canvas_gateway.canvas_kit.canvas import answer
from tests.contract.test_canvas_screens import CANVASES


@pytest.mark.parametrize("name", CANVASES)
def test_canvas_fits_the_types_of_python_intercom(name: str) -> None:
    written = answer(CANVASES[name][1], {"state": "x"})["canvas"]
    read = CanvasObject.model_validate(written)
    types = [part["type"] for part in written["content"]["components"]]
    assert [part.type for part in read.content.components] == types
    assert [problem for model in models_in(read) for problem in problems_of(model)] == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "button", "id": "a.b", "label": "x", "action": {"type": "submit"}, "style": "danger"},
        {"type": "text", "text": "x", "style": "success"},
        {"type": "text", "text": "x", "colour": "red"},
    ],
)
def test_what_their_types_let_pass_is_seen_here(part: dict[str, Any]) -> None:
    read = CanvasObject.model_validate({"content": {"components": [part]}})
    assert [problem for model in models_in(read) for problem in problems_of(model)]


def models_in(value: object) -> Iterator[BaseModel]:
    """A model and all that it holds."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from models_in(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from models_in(one)


def problems_of(model: BaseModel) -> Iterator[str]:
    """The fields that the type does not know, and the words that its own list of words does not have."""
    name = type(model).__name__
    yield from (f"{name}.{field}" for field in model.model_extra or {})
    for field, described in type(model).model_fields.items():
        words = set(words_in(described.annotation))
        value = getattr(model, field)
        if words and value is not None and value not in words:
            yield f"{name}.{field}={value}"


def words_in(annotation: object) -> Iterator[object]:
    """The words of a Literal, however deep it stands in an annotation."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from words_in(inner)
