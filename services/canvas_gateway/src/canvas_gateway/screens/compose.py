"""Writing the message; on a refusal what was typed stays, and each sentence stands alone below its field."""

from collections.abc import Sequence
from typing import Literal

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.domain.compose import MAX_TEXT, PHONE_INPUT, TEXT_INPUT, Refusal, can_be_written_to
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import Person
from canvas_gateway.screens.phrases import channel_line, name_of


def compose(state: State, refusals: Sequence[Refusal] = ()) -> list[Component]:
    """The form of the draft in the state."""
    assert state.draft is not None
    assert state.channel is not None
    refused = {refusal.field for refusal in refusals}
    person = state.recipient or state.contact
    return [
        draw.paragraph(f"To {name_of(person)} · {channel_line(state.channel)}"),
        draw.line_input(PHONE_INPUT, "Phone number", state.draft.phone, refused="phone" in refused),
        *_below("phone", refusals),
        draw.textarea(TEXT_INPUT, "Write your message", state.draft.text, refused="text" in refused),
        *_below("text", refusals),
        draw.muted(f"At most {MAX_TEXT} characters."),
        draw.primary("compose.send", "Send message"),
        *_and_open(person),
        draw.gap(),
        draw.link("compose.back", "Back"),
    ]


def _and_open(person: Person) -> list[Component]:
    if not can_be_written_to(person):
        return []
    return [draw.secondary("compose.send_open", "Send message & open Intercom conversation")]


def _below(field: Literal["phone", "text"], refusals: Sequence[Refusal]) -> list[Component]:
    mine = [refusal for refusal in refusals if refusal.field == field]
    return [part for refusal in mine for part in (draw.error(refusal.sentence), draw.muted(refusal.advice))]
