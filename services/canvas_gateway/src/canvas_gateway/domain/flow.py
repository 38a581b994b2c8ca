"""Which screen comes next when nothing has to be found, sent or asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from canvas_gateway.domain.compose import Form
from canvas_gateway.domain.state import Filter, Scope, Search, State
from canvas_gateway.domain.values import OUTCOMES, Screen

_MAX_CURSORS = 50
"""Pages of history that "Newer" can walk back; then it starts from the newest."""


@dataclass(frozen=True)
class Press:
    """One click: the screen it was on, what was clicked, and what the row carried."""

    screen: str
    what: str
    carried: str = ""

    @classmethod
    def read(cls, component_id: str) -> "Press":
        """From a component's id: `<screen>.<what>` or `<screen>.<what>:<carried>`."""
        name, _, carried = component_id.partition(":")
        screen, _, what = name.partition(".")
        return cls(screen, what, carried)


def navigate(state: State, press: Press, typed: Mapping[str, str]) -> State | None:
    """The state after a click that only leads somewhere; None where the click is none of these."""
    step = _STEPS.get((state.screen, press.what))
    return None if step is None else step(state, press, typed)


def retyped(state: State, typed: Mapping[str, str]) -> State:
    """The state with what stood in its screen's inputs when something went wrong."""
    if state.screen is Screen.SEARCH:
        return state.model_copy(update={"search": Search.read(typed)})
    if state.screen is Screen.FILTER:
        return state.model_copy(update={"filter": state.wanted.read(typed)})
    if state.screen is Screen.COMPOSE and state.draft is not None:
        form = Form.read(typed).kept
        draft = state.draft.model_copy(update={"phone": form.phone, "text": form.text})
        return state.model_copy(update={"draft": draft})
    return state


def home(state: State) -> State:
    """A new start beside the same person."""
    return State(contact=state.contact)


Step = Callable[[State, Press, Mapping[str, str]], State | None]


def _to(screen: Screen) -> Step:
    return lambda state, _press, _typed: state.model_copy(update={"screen": screen, "page": 0})


def _home(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    return home(state)


def _to_this_person(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    chosen = {"recipient": state.contact, "search": None}
    return state.model_copy(update={"screen": Screen.CHANNEL, "page": 0, **chosen})


def _turn(pages: int) -> Step:
    return lambda state, _press, _typed: state.model_copy(update={"page": max(0, state.page + pages)})


def _back_from_channel(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    screen = Screen.RECIPIENT if state.search is None else Screen.SEARCH
    return state.model_copy(update={"screen": screen, "page": 0})


def _to_history(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    return home(state).model_copy(update={"screen": Screen.HISTORY})


def _choose_scope(state: State, _press: Press, typed: Mapping[str, str]) -> State:
    chosen = typed.get("history.scope", "")
    scope = Scope(chosen) if chosen in set(Scope) else state.scope
    return state.model_copy(update={"scope": scope, "cursors": (), "older": None})


def _filtered(state: State, _press: Press, typed: Mapping[str, str]) -> State:
    return state.narrowed(state.wanted.read(typed)).model_copy(update={"screen": Screen.HISTORY})


def _unfiltered(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    return state.narrowed(Filter()).model_copy(update={"screen": Screen.HISTORY})


def _older(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    if state.older is None:
        return state
    return state.model_copy(update={"cursors": (*state.cursors, state.older)[-_MAX_CURSORS:], "older": None})


def _newer(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    return state.model_copy(update={"cursors": state.cursors[:-1], "older": None})


def _to_details(state: State, press: Press, _typed: Mapping[str, str]) -> State | None:
    try:
        shown = UUID(press.carried)
    except ValueError:
        return None
    chosen = {"screen": Screen.DETAILS, "shown": shown, "shown_from": state.screen, "decision": None}
    return state.model_copy(update=chosen)


def _back_from_details(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    if state.shown_from is not Screen.HISTORY:
        return home(state)
    return state.model_copy(update={"screen": Screen.HISTORY, "shown": None, "decision": None})


def _back_from_again(state: State, _press: Press, _typed: Mapping[str, str]) -> State:
    screen = state.repeat.asked_from if state.repeat is not None else Screen.COMPOSE
    return state.model_copy(update={"screen": screen, "page": 0, "repeat": None})


_STEPS: dict[tuple[Screen, str], Step] = {
    (Screen.HOME, "send"): _to(Screen.RECIPIENT),
    (Screen.HOME, "history"): _to_history,
    (Screen.HOME, "details"): _to_details,
    (Screen.RECIPIENT, "this"): _to_this_person,
    (Screen.RECIPIENT, "search"): _to(Screen.SEARCH),
    (Screen.RECIPIENT, "back"): _home,
    (Screen.SEARCH, "back"): _to(Screen.RECIPIENT),
    (Screen.MATCHES, "next"): _turn(1),
    (Screen.MATCHES, "previous"): _turn(-1),
    (Screen.MATCHES, "back"): _to(Screen.SEARCH),
    (Screen.CHANNEL, "next"): _turn(1),
    (Screen.CHANNEL, "previous"): _turn(-1),
    (Screen.CHANNEL, "back"): _back_from_channel,
    (Screen.AGAIN, "back"): _back_from_again,
    (Screen.SENDING, "done"): _home,
    (Screen.DEFERRED, "done"): _home,
    (Screen.DECIDING, "done"): _home,
    (Screen.STOPPED, "done"): _home,
    (Screen.SENT, "done"): _home,
    (Screen.FAILED, "finish"): _home,
    (Screen.UNKNOWN, "finish"): _home,
    (Screen.CHANGED, "done"): _home,
    (Screen.ALREADY_SENT, "done"): _home,
    (Screen.HISTORY, "details"): _to_details,
    (Screen.HISTORY, "scope"): _choose_scope,
    (Screen.HISTORY, "filter"): _to(Screen.FILTER),
    (Screen.HISTORY, "clear"): _unfiltered,
    (Screen.FILTER, "show"): _filtered,
    (Screen.FILTER, "clear"): _unfiltered,
    (Screen.FILTER, "back"): _to(Screen.HISTORY),
    (Screen.HISTORY, "older"): _older,
    (Screen.HISTORY, "newer"): _newer,
    (Screen.HISTORY, "back"): _home,
    (Screen.DETAILS, "back"): _back_from_details,
    (Screen.TROUBLE, "start"): _home,
    **{(screen, "history"): _to_history for screen in OUTCOMES},
}
