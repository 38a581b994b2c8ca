"""The messages that were sent: mine, this conversation's, everyone's; all of them, or what a filter leaves."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, ItemList, Option, SingleSelect, SubmitAction
from canvas_gateway.domain.history import Page
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import Scope, State
from canvas_gateway.screens.filter import CLEAR, in_words
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
_NONE_FITS = {
    Scope.MINE: "None of your messages fits",
    Scope.CONVERSATION: "No message of this conversation fits",
    Scope.EVERYONE: "No message of this workspace fits",
}
_WIDER = 'Choose "Everyone" to see what others sent.'
_WIDER_OR_CLEAR = f'Choose "Everyone", or press "{CLEAR}", to see more.'
_CLEAR = f'Press "{CLEAR}" to see more.'
_UNREADABLE = "The messages of this page cannot be shown right now."


def history(state: State, page: Page, calendar: Calendar) -> list[Component]:
    """One page of the history, newest first."""
    filtered = in_words(state.wanted)
    return [
        draw.header("Sent messages"),
        SingleSelect(
            id="history.scope",
            options=tuple(Option(id=scope.value, text=label) for scope, label in _SCOPES.items()),
            value=state.scope.value,
            action=SubmitAction(),
        ),
        *([draw.paragraph(f"Only: {filtered}")] if filtered else []),
        draw.secondary("history.filter", "Change filter" if filtered else "Filter"),
        *_messages(state, page, calendar, filtered),
        *([draw.link("history.newer", "Newer")] if state.cursors else []),
        *([draw.link("history.older", "Older")] if page.next_cursor else []),
        *([draw.link("history.clear", CLEAR)] if filtered else []),
        draw.gap(),
        draw.link("history.back", "Back"),
    ]


def _messages(state: State, page: Page, calendar: Calendar, filtered: str) -> list[Component]:
    if page.messages:
        rows = (message_row(f"history.details:{entry.message_id}", entry, calendar) for entry in page.messages)
        return [ItemList(items=tuple(rows))]
    if page.next_cursor:
        return [draw.muted(_UNREADABLE)]
    if state.cursors:
        return [draw.muted("There is nothing older.")]
    return [draw.muted(words) for words in _nothing(state.scope, filtered)]


def _nothing(scope: Scope, filtered: str) -> list[str]:
    """What was looked for, and where there may be more."""
    everyone = scope is Scope.EVERYONE
    if filtered:
        return [f"{_NONE_FITS[scope]}: {filtered}.", _CLEAR if everyone else _WIDER_OR_CLEAR]
    return [_EMPTY[scope], *([] if everyone else [_WIDER])]
