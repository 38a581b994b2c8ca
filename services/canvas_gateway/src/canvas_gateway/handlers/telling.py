"""Tells what became of a submitted message."""

from canvas_gateway.domain.deciding import Decision
from canvas_gateway.domain.outcome import Outcome, Submission
from canvas_gateway.domain.state import State
from canvas_gateway.handlers.turn import Reply, Turn
from canvas_gateway.screens.outcome import outcome


def tell(turn: Turn, state: State, submission: Submission, known: Outcome, unanswered: Decision | None = None) -> Reply:
    """The screen for what is known of a submission; a decision on it is kept where nobody answered it yet."""
    told = {
        "screen": known.screen,
        "submission": submission,
        "outcome": known,
        "decision": unanswered,
        "draft": None,
    }
    state = state.model_copy(update=told)
    return Reply(state, outcome(state, turn.calendar, turn.workspace.region))
