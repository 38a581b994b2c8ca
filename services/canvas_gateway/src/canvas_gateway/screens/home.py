"""The first screen: under 400 px, without a primary button, drawn without side effects."""

from collections.abc import Sequence

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, Item, ItemList
from canvas_gateway.canvas_kit.plain import fitting
from canvas_gateway.domain.history import Message
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import State
from canvas_gateway.screens.phrases import ERASED_PERSON, name_and_role, number_or_none

RECENT = 2
"""Messages of the conversation that are shown: more would not fit under 400 px, nor would a line more on the queue."""


def home(
    state: State, recent: Sequence[Message] | None, calendar: Calendar, *, queue_connected: bool
) -> list[Component]:
    """Who the conversation is with, its last messages (None: they could not be read), and where to go."""
    number = number_or_none(state.contact)
    has_number = bool(state.contact.phone)
    return [
        *draw.together(
            draw.paragraph(name_and_role(state.contact)),
            draw.paragraph(number) if has_number else draw.muted(number),
        ),
        *_recent(recent, RECENT if queue_connected else RECENT - 1, calendar),
        *_queue(queue_connected),
        draw.secondary("home.send", "Send a proactive message"),
        draw.link("home.history", "View sent messages"),
    ]


def _recent(recent: Sequence[Message] | None, at_most: int, calendar: Calendar) -> list[Component]:
    if recent is None:
        return [draw.muted("The last messages cannot be shown right now.")]
    if not recent:
        return []
    return [ItemList(items=tuple(_row(message, calendar) for message in recent[:at_most]))]


def _row(message: Message, calendar: Calendar) -> Item:
    text = fitting(message.text or "", 36) or fitting(message.recipient, 36) or ERASED_PERSON
    standing = f"{message.channel.label} · {message.status.label}"
    return draw.row(f"home.details:{message.message_id}", text, standing, calendar.full(message.status_at))


def _queue(connected: bool) -> list[Component]:
    if connected:
        return []
    return [draw.muted("Our message queue cannot be reached right now: sending may take longer.")]
