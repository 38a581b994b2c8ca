"""Our Canvas Kit models are as strict as Intercom's reference page."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.canvas import MAX_CONTENT, answer
from canvas_gateway.canvas_kit.components import Component, ItemList

COMPONENT: TypeAdapter[Any] = TypeAdapter(Component)
SUBMIT = {"type": "submit"}
OPTIONS = [{"type": "option", "id": str(number), "text": "x"} for number in range(11)]

ACCEPTED: list[dict[str, Any]] = [
    {"type": "text", "text": "x", "id": "t", "align": "center", "style": "error", "bottom_margin": "none"},
    {"type": "data-table", "items": [{"type": "field-value", "field": "a", "value": "b"}]},
    {"type": "image", "url": "https://example.org/a.png", "width": 1, "height": 1, "rounded": True},
    {"type": "divider"},
    {"type": "spacer", "size": "xl"},
    {"type": "button", "id": "b", "label": "x", "style": "link", "action": {"type": "url", "url": "https://x.org"}},
    {"type": "input", "id": "i", "label": "x", "value": "", "save_state": "failed", "action": SUBMIT},
    {"type": "textarea", "id": "t", "error": True, "placeholder": "x"},
    {"type": "dropdown", "id": "d", "options": OPTIONS[:10], "value": "0"},
    {"type": "single-select", "id": "s", "options": OPTIONS[:2], "action": SUBMIT},
    {"type": "checkbox", "id": "c", "label": "x", "option": OPTIONS[:1], "value": ["0"]},
    {"type": "list", "items": [{"type": "item", "id": "x", "title": "x", "disabled": True}]},
]
REFUSED: list[dict[str, Any]] = [
    {"type": "text"},
    {"type": "text", "text": ""},
    {"type": "text", "text": "x", "style": "success"},
    {"type": "text", "text": "x", "color": "red"},
    {"type": "text", "text": 1},
    {"type": "data-table", "items": []},
    {"type": "image", "url": "http://example.org/a.png", "width": 1, "height": 1},
    {"type": "image", "url": "https://example.org/a.png"},
    {"type": "button", "label": "x", "style": "link", "action": SUBMIT},
    {"type": "button", "id": "b", "label": "x", "style": "danger", "action": SUBMIT},
    {"type": "button", "id": "b", "label": "x", "style": "link", "action": {"type": "sheet", "url": "https://x.org"}},
    {"type": "button", "id": "b", "label": "x", "style": "link", "action": {"type": "url", "url": "javascript:x"}},
    {"type": "input", "id": "i", "error": True},
    {"type": "textarea", "id": "t", "save_state": "failed"},
    {"type": "textarea", "id": "t", "max_length": 500},
    {"type": "dropdown", "id": "d", "options": OPTIONS[:1]},
    {"type": "dropdown", "id": "d", "options": OPTIONS},
    {"type": "dropdown", "id": "d", "options": OPTIONS[:2], "action": SUBMIT},
    {"type": "single-select", "id": "s", "options": OPTIONS},
    {"type": "checkbox", "id": "c", "label": "x", "option": []},
    {"type": "list", "items": []},
    {"type": "list", "items": [{"type": "item", "title": "x"}]},
    {"type": "date-picker", "id": "d"},
]


@pytest.mark.parametrize("component", ACCEPTED, ids=lambda component: str(component["type"]))
def test_each_of_the_twelve_types_is_written_as_it_is_documented(component: dict[str, Any]) -> None:
    read = COMPONENT.validate_json(TypeAdapter(dict).dump_json(component))
    assert COMPONENT.dump_python(read, mode="json", exclude_none=True) == component


@pytest.mark.parametrize("component", REFUSED, ids=str)
def test_what_intercom_does_not_document_is_refused(component: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        COMPONENT.validate_json(TypeAdapter(dict).dump_json(component))


def test_content_over_64_kb_is_refused() -> None:
    with pytest.raises(ValidationError, match="content is"):
        answer([draw.line_input("a", "a", "é" * (MAX_CONTENT // 2))], {})


def test_stored_data_over_64_kb_is_refused() -> None:
    with pytest.raises(ValidationError, match="stored_data is"):
        answer([draw.muted("x")], {"state": "x" * MAX_CONTENT})


def test_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="twice"):
        answer([draw.link("a.b", "x"), ItemList(items=(draw.row("a.b", "x"),))], {})


def test_canvas_without_components_is_refused() -> None:
    with pytest.raises(ValidationError):
        answer([], {})
