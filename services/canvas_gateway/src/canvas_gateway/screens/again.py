"""Somebody sent the same text to the same person a moment ago: asked before anything is sent."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.history import Requester
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import State
from canvas_gateway.screens.phrases import requester

_TEXT = 200


def again(state: State, calendar: Calendar) -> list[Component]:
    """The question, what became of the earlier message so far, and both ways on."""
    assert state.repeat is not None
    assert state.draft is not None
    found = state.repeat
    who = requester(Requester(kind=found.kind, name=found.by))
    what = "again.send_open" if found.open_new else "again.send"
    opens = [draw.muted("A new Intercom conversation is opened as well.")] if found.open_new else []
    return [
        draw.header(f"{who} sent this at {calendar.short(found.at)}. Send again?"),
        draw.paragraph(f"{found.channel.label} · {found.status.label}"),
        draw.muted(f'To {one_line(state.draft.phone, 40)}: "{one_line(state.draft.text, _TEXT)}"'),
        *opens,
        draw.primary(what, "Send again"),
        draw.gap(),
        draw.link("again.back", "Back"),
    ]
