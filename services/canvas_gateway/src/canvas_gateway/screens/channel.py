"""Choosing among the channels that the workspace has connected."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, Item, ItemList
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.numbers import kind_of
from canvas_gateway.domain.reach import Reach
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import ConnectedChannel, Person
from canvas_gateway.screens.phrases import NAME, name_of, number_of, page_of, turning
from canvas_gateway.screens.reach import remarks
from canvas_gateway.screens.search import used_alone


def channel(
    state: State, channels: Sequence[ConnectedChannel], reach: Mapping[UUID, Reach], calendar: Calendar
) -> list[Component]:
    """
    Every channel of the workspace, with what is known of reaching this person through it.

    A blocked one cannot be chosen, since whatever is typed would fail at once. All else is told and left to the agent:
    what concerns the number can be changed on the next screen, and what has to wait may go in time.
    """
    person = state.recipient or state.contact
    remark = used_alone(state.search)
    to = " · ".join(part for part in (f"To {name_of(person)}", number_of(person)) if part)
    return [
        draw.header("Choose channel"),
        draw.paragraph(to),
        *([draw.muted(remark)] if remark else []),
        *_channels(state, [_row(one, person, reach.get(one.id), calendar) for one in channels]),
        draw.gap(),
        draw.link("channel.back", "Back"),
    ]


def _channels(state: State, rows: Sequence[Item]) -> list[Component]:
    if not rows:
        return [
            draw.muted("No channel is connected yet."),
            draw.muted("Ask your administrator to connect SMS, WhatsApp or Viber Business Messages to Proactive."),
        ]
    shown, page = page_of(rows, state.page)
    return [ItemList(items=tuple(shown)), *turning("channel", len(rows), page)]


def _row(entry: ConnectedChannel, person: Person, reach: Reach | None, calendar: Calendar) -> Item:
    blocked = reach is not None and reach.blocked
    return draw.row(
        f"channel.pick:{entry.id}",
        one_line(entry.name, NAME),
        f"{entry.kind.label} · {one_line(entry.sender, NAME)}",
        remarks(entry.kind, kind_of(person.phone), reach, calendar) if entry.enabled else "Not connected any more",
        disabled=blocked or not entry.enabled,
    )
