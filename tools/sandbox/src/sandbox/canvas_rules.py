"""
What Intercom's Canvas Kit reference allows in a canvas for the Inbox.

Written from the reference alone, so that it finds what the app's own models let through.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# "Canvas" and "Stored data" in the reference: 64 KB each.
_LARGEST_BYTES = 64 * 1024
_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 10

Check = Callable[[object], bool]


@dataclass(frozen=True)
class Shape:
    """The attributes of one kind of component: those it must have, those it may have."""

    required: dict[str, Check]
    optional: dict[str, Check] = field(default_factory=dict)


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _is(*types: type) -> Check:
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _actions(*types: str) -> Check:
    def check(value: object) -> bool:
        if not isinstance(value, dict) or value.get("type") not in types:
            return False
        # The reference spells a third type, sheet: it works in the Messenger only.
        return value["type"] != "url" or isinstance(value.get("url"), str)

    return check


def _options(fewest: int, most: int | None) -> Check:
    def check(value: object) -> bool:
        if not isinstance(value, list) or len(value) < fewest or (most is not None and len(value) > most):
            return False
        return all(not list(_faults("option", one, _OPTION)) for one in value)

    return check


def _items(shape: Shape) -> Check:
    return lambda value: (
        isinstance(value, list) and all(not list(_faults(str(_part(one, "type")), one, shape)) for one in value)
    )


_TEXT, _NUMBER, _FLAG, _LIST = _is(str), _is(int), _is(bool), _is(list)
_ACTION = _actions("submit", "url")
_STATE = _one_of("unsaved", "saved", "failed")
_ALIGN = _one_of("left", "center", "right")
_MARGIN = _one_of("none")
_CHOICES = _options(_FEWEST_OPTIONS, _MOST_OPTIONS)
_OPTION = Shape({"type": _one_of("option"), "id": _TEXT, "text": _TEXT}, {"disabled": _FLAG})
_ROW = Shape({"type": _one_of("field-value"), "field": _TEXT, "value": _TEXT})
_ITEM = Shape(
    {"type": _one_of("item"), "id": _TEXT, "title": _TEXT},
    {
        "subtitle": _TEXT,
        "tertiary_text": _TEXT,
        "image": _TEXT,
        "image_width": _NUMBER,
        "image_height": _NUMBER,
        "rounded_image": _FLAG,
        "disabled": _FLAG,
        "action": _ACTION,
    },
)
_FIELD = {"label": _TEXT, "save_state": _STATE, "disabled": _FLAG}

_SHAPES = {
    "text": Shape(
        {"text": _TEXT},
        {"id": _TEXT, "align": _ALIGN, "style": _one_of("header", "paragraph", "muted", "error")},
    ),
    "data-table": Shape({"items": _items(_ROW)}),
    "image": Shape(
        {"url": _TEXT, "width": _NUMBER, "height": _NUMBER},
        {
            "id": _TEXT,
            "align": _one_of("left", "center", "right", "full_width"),
            "rounded": _FLAG,
            "action": _actions("url"),
        },
    ),
    "divider": Shape({}, {"id": _TEXT}),
    "spacer": Shape({}, {"id": _TEXT, "size": _one_of("xs", "s", "m", "l", "xl")}),
    "button": Shape(
        {"id": _TEXT, "label": _TEXT, "action": _ACTION},
        {"style": _one_of("primary", "secondary", "link"), "disabled": _FLAG},
    ),
    "input": Shape({"id": _TEXT}, {**_FIELD, "placeholder": _TEXT, "value": _TEXT, "action": _ACTION}),
    "textarea": Shape(
        {"id": _TEXT},
        {"label": _TEXT, "placeholder": _TEXT, "value": _TEXT, "error": _FLAG, "disabled": _FLAG},
    ),
    "dropdown": Shape({"id": _TEXT, "options": _CHOICES}, {**_FIELD, "value": _TEXT}),
    "single-select": Shape({"id": _TEXT, "options": _CHOICES}, {**_FIELD, "value": _TEXT, "action": _ACTION}),
    "checkbox": Shape({"id": _TEXT, "option": _options(1, None)}, {**_FIELD, "value": _LIST}),
    "list": Shape({"items": _items(_ITEM)}, {"id": _TEXT, "disabled": _FLAG}),
}


def canvas_problems(canvas: dict[str, object]) -> Iterator[str]:
    """Everything in a canvas that the reference does not allow, in words for a developer."""
    content = canvas.get("content")
    components = _part(content, "components")
    for name in ("content", "stored_data"):
        if _size(canvas.get(name)) > _LARGEST_BYTES:
            yield f"{name} is over 64 KB"
    seen: set[str] = set()
    for place, component in enumerate(components if isinstance(components, list) else []):
        kind = _part(component, "type")
        where = f"component {place} ({kind})"
        if kind not in _SHAPES:
            yield f"{where} is no component of the Inbox"
            continue
        yield from _faults(where, component, _SHAPES[str(kind)])
        for one in _ids(component):
            if one in seen:
                yield f"{where}: id {one} is there twice"
            seen.add(one)


def _faults(where: str, component: object, shape: Shape) -> Iterator[str]:
    if not isinstance(component, dict):
        yield f"{where} is no object"
        return
    allowed = {**shape.required, **shape.optional}
    for name in shape.required:
        if name not in component:
            yield f"{where} has no {name}"
    for name, value in component.items():
        if name in allowed and not allowed[name](value):
            yield f"{where}: {name} is not allowed to be {str(value)[:80]}"
        elif name not in allowed and name != "type" and not (name == "bottom_margin" and _MARGIN(value)):
            yield f"{where} has an unknown attribute {name}"


def _ids(component: object) -> Iterator[str]:
    own = _part(component, "id")
    items = _part(component, "items")
    for one in (own, *(_part(item, "id") for item in (items if isinstance(items, list) else ()))):
        if isinstance(one, str):
            yield one


def _part(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
