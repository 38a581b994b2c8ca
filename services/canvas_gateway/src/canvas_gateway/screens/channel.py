"""Choosing among the channels that the workspace has connected."""

from collections.abc import Sequence

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, Item, ItemList
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.numbers import NumberKind, kind_of
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import ConnectedChannel, Person
from canvas_gateway.screens.phrases import NAME, name_of, number_of, page_of, turning
from canvas_gateway.screens.search import used_alone

_REACH = {
    NumberKind.MOBILE: "Ready",
    NumberKind.OTHER: "Not a mobile number",
    NumberKind.INVALID: "The phone number is not valid: you can correct it on the next screen",
    NumberKind.MISSING: "No phone number yet: you can type it on the next screen",
}


def channel(state: State, channels: Sequence[ConnectedChannel]) -> list[Component]:
    """Every channel of the workspace, with a line on whether this person can be reached through it."""
    person = state.recipient or state.contact
    remark = used_alone(state.search)
    to = " · ".join(part for part in (f"To {name_of(person)}", number_of(person)) if part)
    return [
        draw.header("Choose channel"),
        draw.paragraph(to),
        *([draw.muted(remark)] if remark else []),
        *_channels(state, person, channels),
        draw.gap(),
        draw.link("channel.back", "Back"),
    ]


def _channels(state: State, person: Person, channels: Sequence[ConnectedChannel]) -> list[Component]:
    if not channels:
        return [
            draw.muted("No channel is connected yet."),
            draw.muted("Ask your administrator to connect SMS, WhatsApp or Viber Business Messages to Proactive."),
        ]
    rows, page = page_of(channels, state.page)
    items = ItemList(items=tuple(_row(entry, person) for entry in rows))
    return [items, *turning("channel", len(channels), page)]


def _row(entry: ConnectedChannel, person: Person) -> Item:
    return draw.row(
        f"channel.pick:{entry.id}",
        one_line(entry.name, NAME),
        f"{entry.kind.label} · {one_line(entry.sender, NAME)}",
        _REACH[kind_of(person.phone)] if entry.enabled else "Not connected any more",
        disabled=not entry.enabled,
    )
