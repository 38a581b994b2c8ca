"""The messages that were sent: mine, this conversation's, everyone's."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, ItemList, Option, SingleSelect, SubmitAction
from canvas_gateway.domain.history import Page
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import Scope, State
from canvas_gateway.screens.phrases import message_row

_SCOPES = {
    Scope.MINE: "Mine",
    Scope.CONVERSATION: "This conversation",
    Scope.EVERYONE: "Everyone",
}
_EMPTY = {
    Scope.MINE: "You have not sent any messages yet.",
    Scope.CONVERSATION: "No messages were sent in this conversation yet.",
    Scope.EVERYONE: "No messages were sent in this workspace yet.",
}


def history(state: State, page: Page, calendar: Calendar) -> list[Component]:
    """One page of the history, newest first."""
    return [
        draw.header("Sent messages"),
        SingleSelect(
            id="history.scope",
            options=tuple(Option(id=scope.value, text=label) for scope, label in _SCOPES.items()),
            value=state.scope.value,
            action=SubmitAction(),
        ),
        *_messages(state, page, calendar),
        *([draw.link("history.newer", "Newer")] if state.cursors else []),
        *([draw.link("history.older", "Older")] if page.next_cursor else []),
        draw.gap(),
        draw.link("history.back", "Back"),
    ]


def _messages(state: State, page: Page, calendar: Calendar) -> list[Component]:
    if not page.messages:
        return [draw.muted("There is nothing older." if state.cursors else _EMPTY[state.scope])]
    rows = (message_row(f"history.details:{entry.message_id}", entry, calendar) for entry in page.messages)
    return [ItemList(items=tuple(rows))]
