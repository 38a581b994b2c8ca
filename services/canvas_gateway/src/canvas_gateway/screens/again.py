"""Somebody sent the same text to the same person a moment ago: asked before anything is sent."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.history import Requester
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import Screen
from canvas_gateway.screens.phrases import requester

_TEXT = 200

_BUTTONS = {
    Screen.FAILED: "again.resend",
    Screen.UNKNOWN: "again.resend",
    Screen.DETAILS: "again.resend_shown",
}
"""What "Send again" does where a re-send was asked about; else Compose's message is sent."""


def again(state: State, calendar: Calendar) -> list[Component]:
    """The question, what became of the earlier message so far, and both ways on."""
    assert state.repeat is not None
    found = state.repeat
    who = requester(Requester(kind=found.kind, name=found.by))
    what = _BUTTONS.get(found.asked_from, "again.send_open" if found.open_new else "again.send")
    opens = [draw.muted("A new Intercom conversation is opened as well.")] if found.open_new else []
    return [
        draw.header(f"{who} sent this at {calendar.short(found.at)}. Send again?"),
        draw.paragraph(f"{found.channel.label} · {found.status.label}"),
        draw.muted(f'To {found.to}: "{one_line(found.text, _TEXT)}"'),
        *opens,
        draw.primary(what, "Send again"),
        draw.gap(),
        draw.link("again.back", "Back"),
    ]
