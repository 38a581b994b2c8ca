"""What became of a submitted message: Sending, Sent, Failed, Unknown; the screens beside it tell the rest."""

from collections.abc import Callable, Mapping

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.domain.deciding import offered
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome, Submission, Why, is_opening
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import Screen
from canvas_gateway.screens.deciding import MARKED_SENT, choices, deciding, deferred, stopped, too_late
from canvas_gateway.screens.earlier import already_sent, changed
from canvas_gateway.screens.phrases import opened, provider_code, to_whom, view_sent
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import Channel

REPEATS = "It repeats an earlier message. If that one arrived meanwhile, the customer may get it twice."

MAY_ARRIVE_TWICE = "It may have been sent: the customer may get it twice if you re-send it."
RESEND = "Re-send your message"


def failed_through(channel: Channel) -> str:
    """The one sentence for every failure, with the kind of channel."""
    return f"We have failed to send your message through your {channel.label} channel."


def outcome(state: State, calendar: Calendar, region: str) -> list[Component]:
    """The screen that tells the state's outcome; `region` is where Intercom keeps the workspace."""
    assert state.outcome is not None
    assert state.submission is not None
    known = state.outcome
    if known.screen is Screen.SENT:
        shown = _sent(state, state.submission, known, calendar, region)
    else:
        shown = _SCREENS[known.screen](state, state.submission, known, calendar)
    return _told_of_both_buttons(shown, state.submission, known) if state.submission.both_buttons else shown


def _told_of_both_buttons(shown: list[Component], submission: Submission, known: Outcome) -> list[Component]:
    """The screen of a message for which Compose's other button was pressed as well: it is one message, not two."""
    pressed, conversation = "Send message", "Only the Intercom conversation is not opened."
    if submission.request.thread.open_new:
        pressed, conversation = "Send message & open Intercom conversation", "Its conversation was asked for."
    refresh = f"{known.screen}.refresh"
    refreshable = known.screen is not Screen.SENT or is_opening(submission, known)
    return [
        shown[0],
        draw.paragraph(f'Both buttons were pressed. It was taken once, by "{pressed}". {conversation}'),
        *shown[1:-2],
        *([] if refreshable else [draw.secondary(refresh, "Refresh status")]),
        view_sent(known.screen),
        *shown[-2:],
    ]


def _sending(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    return [
        draw.header("Sending…"),
        *to_whom(state, submission.request),
        *_why_not_yet(known),
        *(
            [draw.muted('We keep trying. "Refresh status" shows whether it has left.')]
            if known.why is Why.NOT_QUEUED
            else []
        ),
        *_time_left(submission, calendar),
        draw.secondary("sending.refresh", "Refresh status"),
        draw.gap(),
        draw.link("sending.done", "Done"),
    ]


def _time_left(submission: Submission, calendar: Calendar) -> list[Component]:
    not_after = submission.request.not_after
    if calendar.now >= not_after:
        return []
    return [draw.muted(f"It leaves before {calendar.short(not_after)}, or not at all.")]


def _why_not_yet(known: Outcome) -> list[Component]:
    if known.too_late_to is not None:
        return too_late(known)
    if known.why is Why.NOT_QUEUED:
        return [draw.muted("Not confirmed by our queue yet.")]
    return [draw.muted("The channel has not answered yet.")]


def _sent(state: State, submission: Submission, known: Outcome, calendar: Calendar, region: str) -> list[Component]:
    return [
        draw.header("✅ Message sent!"),
        *to_whom(state, submission.request),
        *([draw.paragraph(_standing_since(known, calendar))] if known.status else []),
        *too_late(known),
        draw.muted(_arrival(known)),
        *_new_conversation(submission, known, region),
        draw.gap(),
        draw.link("sent.done", "Done"),
    ]


def _new_conversation(submission: Submission, known: Outcome, region: str) -> list[Component]:
    if is_opening(submission, known):
        return [
            draw.paragraph("The message is sent. The conversation is not open yet."),
            draw.secondary("sent.refresh", "Refresh status"),
        ]
    if not submission.request.thread.open_new:
        return []
    return opened("sent", submission.request.workspace_id, region, known.opened, known.open_failure)


def _arrival(known: Outcome) -> str:
    if known.marked:
        return MARKED_SENT
    if known.status in {Status.DELIVERED, Status.READ}:
        return known.status.meaning
    return 'It has left for the customer. Delivery shows under "View sent messages".'


def _standing_since(known: Outcome, calendar: Calendar) -> str:
    assert known.status is not None
    return f"{known.status.label} · {calendar.full(known.at)}" if known.at else known.status.label


def _failed(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    why, advice = _why_not(known)
    return [
        draw.header("Failed to send!"),
        draw.error(failed_through(submission.request.channel)),
        draw.muted(why),
        *provider_code(known),
        draw.muted(advice),
        *to_whom(state, submission.request),
        *([draw.muted(REPEATS)] if submission.request.resend_of else []),
        draw.primary("failed.resend", RESEND),
        draw.gap(),
        draw.link("failed.finish", "Finish"),
    ]


def _why_not(known: Outcome) -> tuple[str, str]:
    """What happened, and what to do about it."""
    if known.why is Why.NO_SENDER:
        return (
            "No sender of ours was there to take it. Nothing was sent.",
            "Tell your administrator; then re-send it.",
        )
    if known.status in {Status.EXPIRED, Status.CANCELLED, Status.NOT_SENT}:
        return known.status.meaning, known.status.advice
    reason = known.reason or FailureReason.OTHER
    return reason.why, reason.advice


def _unknown(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    return [
        draw.header(f"{Status.UNKNOWN.label}."),
        draw.paragraph(_WHY_UNKNOWN.get(known.why, Status.UNKNOWN.meaning)),
        *too_late(known),
        *to_whom(state, submission.request),
        draw.secondary("unknown.refresh", "Refresh status"),
        draw.muted(MAY_ARRIVE_TWICE),
        draw.secondary("unknown.resend", RESEND),
        *choices("unknown", offered(known), known.status),
        draw.gap(),
        draw.link("unknown.finish", "Finish"),
    ]


_WHY_UNKNOWN: Mapping[Why | None, str] = {
    Why.NOBODY_TOOK_IT: Status.NOT_CONFIRMED.meaning,
    Why.NO_TRACE: "Our history knows nothing of it: it seems that none of our senders took it.",
    Why.NOT_LOOKED_UP: "Our history cannot be read right now. Refresh in a moment.",
}


_SCREENS: Mapping[Screen, Callable[[State, Submission, Outcome, Calendar], list[Component]]] = {
    Screen.SENDING: _sending,
    Screen.DEFERRED: deferred,
    Screen.DECIDING: deciding,
    Screen.STOPPED: stopped,
    Screen.FAILED: _failed,
    Screen.UNKNOWN: _unknown,
    Screen.CHANGED: changed,
    Screen.ALREADY_SENT: already_sent,
}
