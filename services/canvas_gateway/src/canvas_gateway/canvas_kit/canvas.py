"""What we answer Intercom: one canvas, checked against its limits before it leaves."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from canvas_gateway.canvas_kit.components import Component, ItemList, Strict

MAX_CONTENT = 64 * 1024
"""Bytes of `content`, and of `stored_data`, that Intercom takes (Canvas Kit reference, "Limits")."""


class Content(Strict):
    """The components, from top to bottom."""

    components: Annotated[tuple[Component, ...], Field(min_length=1)]


class Canvas(Strict):
    """A whole panel; it replaces the one before it."""

    content: Content
    stored_data: Mapping[str, str]

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        _refuse_repeated_ids(self.content.components)
        _refuse_oversize("content", self.content.model_dump(mode="json", exclude_none=True))
        _refuse_oversize("stored_data", dict(self.stored_data))
        return self


def answer(components: Sequence[Component], stored_data: Mapping[str, str]) -> dict[str, Any]:
    """
    The JSON object that Intercom expects from initialize and submit.

    Raises:
        pydantic.ValidationError: over 64 KB, no component, or an id that is there twice.
    """
    canvas = Canvas(content=Content(components=tuple(components)), stored_data=stored_data)
    return {"canvas": canvas.model_dump(mode="json", exclude_none=True)}


def ids_of(components: Sequence[Component]) -> Iterator[str]:
    """Every id on a canvas, those of list rows included."""
    for component in components:
        if isinstance(component, ItemList):
            yield from (item.id for item in component.items)
        elif (own := getattr(component, "id", None)) is not None:
            yield own


def _refuse_repeated_ids(components: Sequence[Component]) -> None:
    repeated = [name for name, times in Counter(ids_of(components)).items() if times > 1]
    if repeated:
        raise ValueError(f"component ids that are there twice: {', '.join(repeated)}")


def _refuse_oversize(name: str, value: Any) -> None:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_CONTENT:
        raise ValueError(f"{name} is {size} bytes; Intercom takes {MAX_CONTENT}")
