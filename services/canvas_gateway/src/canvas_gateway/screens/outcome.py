"""What became of a submitted message: Sending, Sent, Failed, Unknown, and the two that tell of another one."""

from collections.abc import Callable, Mapping

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome, Submission, Why, is_opening, may_repeat
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import Screen
from canvas_gateway.screens.phrases import NAME, channel_line, opened
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import Channel

REPEATS = "It repeats an earlier message. If that one arrived meanwhile, the customer may get it twice."

MAY_ARRIVE_TWICE = "It may have been sent: the customer may get it twice if you re-send it."
SAME_TEXT = "Both have the same text: the customer may get it twice if you send this one as well."
SAME_PERHAPS = "The earlier text cannot be shown right now. If it is the same, the customer may get it twice."
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
        _view_sent(known),
        *shown[-2:],
    ]


def _view_sent(known: Outcome) -> Component:
    return draw.link(f"{known.screen}.history", "View sent messages")


def _sending(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    return [
        draw.header("Sending…"),
        *_to_whom(state, submission),
        draw.muted(_why_not_yet(known, calendar)),
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


def _why_not_yet(known: Outcome, calendar: Calendar) -> str:
    if known.why is Why.NOT_QUEUED:
        return "Not confirmed by our queue yet."
    if known.status is Status.WAITING and known.until is not None:
        return f"Not sent yet. We try again until {calendar.short(known.until)}."
    return "The channel has not answered yet."


def _sent(state: State, submission: Submission, known: Outcome, calendar: Calendar, region: str) -> list[Component]:
    return [
        draw.header("✅ Message sent!"),
        *_to_whom(state, submission),
        *([draw.paragraph(_standing_since(known, calendar))] if known.status else []),
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
        *_provider(known),
        draw.muted(advice),
        *_to_whom(state, submission),
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


def _provider(known: Outcome) -> list[Component]:
    if not known.provider or not known.provider_code:
        return []
    return [draw.muted(f"{one_line(known.provider, 30).capitalize()}'s code: {one_line(known.provider_code, 40)}.")]


def _unknown(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    return [
        draw.header("May have been sent."),
        draw.paragraph(_WHY_UNKNOWN.get(known.why, "We could not confirm it with the provider.")),
        *_to_whom(state, submission),
        draw.muted(MAY_ARRIVE_TWICE),
        draw.secondary("unknown.refresh", "Refresh status"),
        draw.secondary("unknown.resend", RESEND),
        draw.gap(),
        draw.link("unknown.finish", "Finish"),
    ]


_WHY_UNKNOWN: Mapping[Why | None, str] = {
    Why.NOBODY_TOOK_IT: "None of our senders took it in time.",
    Why.NO_TRACE: "Our history knows nothing of it: it seems that none of our senders took it.",
    Why.NOT_LOOKED_UP: "Our history cannot be read right now. Refresh in a moment.",
}


def _changed(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
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
        _view_sent(known),
        draw.gap(),
        draw.link("changed.done", "Done"),
    ]


def _repeats(submission: Submission, known: Outcome) -> list[Component]:
    if not may_repeat(submission, known):
        return []
    if known.text is None:
        return [draw.muted(SAME_PERHAPS)]
    return [draw.muted(SAME_TEXT)]


def _already_sent(state: State, submission: Submission, known: Outcome, calendar: Calendar) -> list[Component]:
    return [
        draw.header("It was not sent again."),
        draw.paragraph(_earlier("The message that you wanted to re-send", known, calendar)),
        draw.muted("Nothing was sent this time."),
        *_to_whom(state, submission),
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


def _to_whom(state: State, submission: Submission) -> list[Component]:
    """Channel and recipient; the channel's name is known where it was chosen in this panel."""
    request = submission.request
    chosen = state.channel if state.channel and state.channel.id == request.channel_id else None
    channel = channel_line(chosen) if chosen else request.channel.label
    name = one_line(request.contact.name or "", NAME) if request.contact else ""
    to = " · ".join(part for part in (name, request.recipient) if part)
    return [*draw.together(draw.paragraph(channel), draw.paragraph(f"To {to}"))]


def _text_of(submission: Submission) -> str:
    content = submission.request.content
    return one_line(content.text, 200) if content.kind == "text" else content.name


_SCREENS: Mapping[Screen, Callable[[State, Submission, Outcome, Calendar], list[Component]]] = {
    Screen.SENDING: _sending,
    Screen.FAILED: _failed,
    Screen.UNKNOWN: _unknown,
    Screen.CHANGED: _changed,
    Screen.ALREADY_SENT: _already_sent,
}
