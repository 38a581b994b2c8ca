"""What Intercom sends to the panel, read tolerantly: its pages and its calls disagree on names and nesting."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from canvas_gateway.canvas_kit.plain import without_unfit

_PEOPLE = ("contact", "customer", "user")
"""Intercom's sample says contact, its table customer; third parties met user."""


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_or_nothing(value: object) -> str | None:
    return without_unfit(value).strip()[:1000] or None if isinstance(value, str) else None


Id = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
]
Optional = Annotated[str | None, BeforeValidator(_text_or_nothing)]


class Tolerant(BaseModel):
    """Reads what we need and ignores the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Admin(Tolerant):
    """The teammate whose Inbox shows the panel."""

    id: Id
    name: Optional = None
    email: Optional = None


class Conversation(Tolerant):
    """The conversation beside which the panel stands."""

    id: Id


class Contact(Tolerant):
    """The person whom the conversation is with."""

    id: Id
    external_id: Annotated[Optional, BeforeValidator(_as_text)] = None
    role: Optional = None
    name: Optional = None
    email: Optional = None
    phone: Optional = None


class Initialize(Tolerant):
    """The panel is opened, or its conversation was switched to."""

    workspace_id: Id
    admin: Admin
    conversation: Conversation
    contact: Contact

    @model_validator(mode="before")
    @classmethod
    def _whatever_the_contact_is_called(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        found = next((fields[name] for name in _PEOPLE if fields.get(name) is not None), None)
        return fields if found is None else {**fields, "contact": found}


class Submit(Initialize):
    """Something was clicked."""

    component_id: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    input_values: Annotated[Mapping[str, Any], BeforeValidator(lambda value: value or {})] = Field(default_factory=dict)
    current_canvas: Mapping[str, Any] | None = None

    @property
    def stored_data(self) -> Mapping[str, Any]:
        """What the canvas that was clicked on carried; Intercom's SDK types nest it once more than its pages."""
        canvas: Any = self.current_canvas or {}
        inner = canvas.get("current_canvas")
        if "stored_data" not in canvas and isinstance(inner, Mapping):
            canvas = inner
        stored = canvas.get("stored_data")
        return stored if isinstance(stored, Mapping) else {}

    @property
    def typed(self) -> Mapping[str, str]:
        """What stands in the inputs; missing, null and "" are the same."""
        return {name: value for name, value in self.input_values.items() if isinstance(value, str) and value}
