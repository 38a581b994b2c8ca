"""The two screens that tell of another message than the one that was submitted: it had been taken, or sent, before."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome, Submission, may_repeat
from canvas_gateway.domain.state import State
from canvas_gateway.screens.phrases import to_whom, view_sent
from proactive_contracts.status import Status

SAME_TEXT = "Both have the same text: the customer may get it twice if you send this one as well."
SAME_PERHAPS = "The earlier text cannot be shown right now. If it is the same, the customer may get it twice."


def changed(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    """The submitted version was refused: another one had been taken."""
    other_number = known.recipient is not None and known.recipient != submission.request.recipient
    earlier_to = f" to {one_line(known.recipient or '', 60)}" if other_number else ""
    if known.channel is not None:
        other_kind = known.channel is not submission.request.channel
        earlier_to += f" through {known.channel.label if other_kind else 'another channel'}"
    this_to = f", to {submission.request.recipient}" if other_number else ""
    return [
        draw.header("This version was not sent."),
        draw.paragraph(f"{_earlier('An earlier version', known, calendar, earlier_to)} This one was not."),
        draw.muted(f'This one{this_to}: "{_text_of(submission)}"'),
        *_repeats(submission, known),
        draw.secondary("changed.send_new", "Send this one as a new message"),
        view_sent(known.screen),
        draw.gap(),
        draw.link("changed.done", "Done"),
    ]


def _repeats(submission: Submission, known: Outcome) -> list[Component]:
    if not may_repeat(submission, known):
        return []
    return [draw.muted(SAME_PERHAPS if known.text is None else SAME_TEXT)]


def already_sent(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    """The re-send was refused: what it repeats was sent after all."""
    return [
        draw.header("It was not sent again."),
        draw.paragraph(_earlier("The message that you wanted to re-send, or another re-send of it,", known, calendar)),
        draw.muted("Nothing was sent this time."),
        *to_whom(state, submission.request),
        draw.gap(),
        draw.link("already_sent.done", "Done"),
    ]


def _earlier(which: str, known: Outcome, calendar: Calendar, to: str = "") -> str:
    """Such as `An earlier version was sent at 2:05PM: "Your parcel is here."`"""
    became = _BECAME[known.status] if known.status else "was taken before"
    when = f" at {calendar.short(known.at)}" if known.at else ""
    said = f': "{one_line(known.text, 200)}"' if known.text else "."
    return f"{which} {became}{when}{to}{said}"


_BECAME = {
    Status.QUEUED: "was waiting to be sent",
    Status.NOT_CONFIRMED: "may have been sent",
    Status.SENDING: "was being sent",
    Status.WAITING: "was waiting to be tried again",
    Status.UNKNOWN: "may have been sent",
    Status.CANCELLED: "was stopped before it left",
    Status.EXPIRED: "was not sent: its time was over",
    Status.NOT_SENT: "was not sent, as a teammate said",
    Status.SENT: "was sent",
    Status.FAILED: "failed",
    Status.DELIVERED: "was delivered",
    Status.READ: "was read",
}


def _text_of(submission: Submission) -> str:
    content = submission.request.content
    return one_line(content.text, 200) if content.kind == "text" else content.name
