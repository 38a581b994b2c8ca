"""Not sent yet, being decided, stopped: the screens of a message that a teammate may decide about, and their words."""

from collections.abc import Collection, Mapping

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.domain.deciding import offered
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome, Submission, Why
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import Screen, Wish
from canvas_gateway.screens.phrases import provider_code, to_whom, tried_until
from proactive_contracts.status import Status

MARKED_SENT = "A teammate marked it as sent."

_LABELS: Mapping[Wish, str] = {
    Wish.STOP: "Stop trying",
    Wish.MARK_SENT: "Mark as sent",
    Wish.MARK_NOT_SENT: "Mark as not sent",
}
_TITLES: Mapping[Wish, str] = {
    Wish.STOP: "Stopping…",
    Wish.MARK_SENT: "Marking as sent…",
    Wish.MARK_NOT_SENT: "Marking as not sent…",
}
_NOT_KNOWN: Mapping[Wish, str] = {
    Wish.STOP: "It is not known yet whether it could be stopped.",
    Wish.MARK_SENT: "It is not known yet whether it could be marked as sent.",
    Wish.MARK_NOT_SENT: "It is not known yet whether it could be marked as not sent.",
}
_NOBODY_ANSWERED: Mapping[Why | None, str] = {
    Why.NOT_ANSWERED: "None of our senders has answered yet.",
    Why.NOT_QUEUED: "Not confirmed by our queue yet. We keep trying.",
    Why.NO_SENDER: "No sender of ours is there to take it. Tell your administrator; then refresh.",
}


def deferred(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    """It could not leave, and is tried again: why, how long, and a way to stop that."""
    return [
        draw.header(tried_until(known.until or submission.request.not_after, calendar)),
        draw.paragraph(known.reason.why if known.reason else Status.WAITING.meaning),
        *provider_code(known),
        *to_whom(state, submission.request),
        draw.secondary("deferred.refresh", "Refresh status"),
        *choices("deferred", offered(known), Status.WAITING),
        draw.gap(),
        draw.link("deferred.done", "Done"),
    ]


def deciding(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    """A teammate decided, and nobody answered in time: nothing is claimed."""
    wish = state.decision.wish if state.decision else Wish.STOP
    return [
        draw.header(_TITLES[wish]),
        *(draw.paragraph(line) for line in remarks(known, wish)),
        *to_whom(state, submission.request),
        draw.secondary("deciding.refresh", "Refresh status"),
        draw.gap(),
        draw.link("deciding.done", "Done"),
    ]


def stopped(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    """It was stopped before it left."""
    since = [draw.muted(f"Since {calendar.full(known.at)}.")] if known.at else []
    return [
        draw.header("Stopped. Nothing was sent."),
        *to_whom(state, submission.request),
        *since,
        draw.gap(),
        draw.link("stopped.done", "Done"),
    ]


def choices(screen: str, wishes: Collection[Wish], status: Status | None) -> list[Component]:
    """A button for each decision that may be made about a message of that status, and what it is for."""
    buttons = [draw.secondary(f"{screen}.{wish}", _LABELS[wish]) for wish in wishes]
    if Wish.MARK_SENT in wishes:
        return [draw.muted("If you found out what became of it, mark it."), *buttons]
    if Wish.STOP in wishes and status is not Status.WAITING:
        return [draw.muted("If none of our senders has it, it can still be stopped."), *buttons]
    return [*buttons]


def remarks(known: Outcome, wish: Wish) -> list[str]:
    """What has to be said of a decision besides what the message is now."""
    if known.screen is Screen.DECIDING:
        return [_NOT_KNOWN[wish], _NOBODY_ANSWERED[known.why]]
    line = _TOO_LATE.get((known.too_late_to, known.screen))
    return [] if line is None else [line]


def too_late(known: Outcome) -> list[Component]:
    """That what a teammate asked for could not be done, and why."""
    return [] if known.too_late_to is None else [draw.paragraph(one) for one in remarks(known, known.too_late_to)]


_CONFIRMED = "The provider confirmed it meanwhile."
_BEING_SENT = Status.SENDING.meaning

_TOO_LATE: Mapping[tuple[Wish | None, Screen], str] = {
    (Wish.STOP, Screen.SENDING): f"{_BEING_SENT} It will not be tried again.",
    (Wish.STOP, Screen.SENT): "It had left already: it could not be stopped.",
    (Wish.STOP, Screen.UNKNOWN): "It may have left already: it cannot be stopped.",
    (Wish.MARK_SENT, Screen.SENDING): _BEING_SENT,
    (Wish.MARK_SENT, Screen.SENT): _CONFIRMED,
    (Wish.MARK_NOT_SENT, Screen.SENDING): _BEING_SENT,
    (Wish.MARK_NOT_SENT, Screen.SENT): _CONFIRMED,
}
