"""What happened and what to do next, whenever a step could not be done."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.domain.trouble import Kind
from proactive_contracts.reasons import FailureReason

_TRY_AGAIN = "Try again."

_WORDS: dict[Kind, tuple[str, str]] = {
    Kind.WORKSPACE_UNKNOWN: (
        "This workspace is not connected to Proactive.",
        "Ask your administrator to connect it.",
    ),
    Kind.STATE_REFUSED: (
        "This panel was changed on its way, or belongs to another conversation or teammate.",
        "This click did nothing. Start again.",
    ),
    Kind.STATE_TOO_OLD: (
        "This panel was opened too long ago, or by another release of Proactive.",
        "This click did nothing. Start again.",
    ),
    Kind.OTHER_SCREEN: (
        "This button does not belong to the screen that it was on.",
        "This click did nothing. Start again.",
    ),
    Kind.INTERCOM_SLOW: ("Intercom did not answer in time.", _TRY_AGAIN),
    Kind.INTERCOM_BUSY: ("Intercom takes no more requests from us for the moment.", "Try again in {seconds} seconds."),
    Kind.INTERCOM_DOWN: ("Intercom cannot be reached.", "Try again in a minute."),
    Kind.INTERCOM_FAILED: ("Intercom answered with an error of its own.", "Try again in a minute."),
    Kind.INTERCOM_REFUSED: (
        "Intercom does not let us look up users and leads.",
        "Ask your administrator to connect Proactive to Intercom again.",
    ),
    Kind.CONTACT_GONE: ("This user or lead is not in Intercom any more.", "Go back and search again."),
    Kind.CHANNEL_GONE: (FailureReason.CHANNEL_UNKNOWN.why, "Go back and choose another one."),
    Kind.HISTORY_DOWN: ("The sent messages cannot be read right now.", "Sending still works. Try again in a minute."),
    Kind.MESSAGE_GONE: ("This message is not in the history.", "Go back and choose another one."),
    Kind.NOT_RESENDABLE: (
        "This message cannot be re-sent: it is not failed any more, or its text is no longer kept.",
        "Go back to see what it is now.",
    ),
    Kind.DIRECTORY_DOWN: (
        "Our settings for this workspace cannot be read right now.",
        "This click sent nothing. Try again in a minute.",
    ),
    Kind.UNEXPECTED: (
        "Something went wrong on our side.",
        'Try again: what was sent already is not sent twice. "View sent messages" shows what was sent.',
    ),
}

_START_AGAIN = {Kind.STATE_REFUSED, Kind.STATE_TOO_OLD, Kind.OTHER_SCREEN, Kind.WORKSPACE_UNKNOWN}


def trouble(kind: Kind, retry_after_seconds: float | None = None) -> list[Component]:
    """What happened, what to do, and a way on."""
    what, advice = _WORDS[kind]
    return [
        draw.error(what),
        draw.muted(advice.format(seconds=max(1, round(retry_after_seconds or 10)))),
        *_ways_on(kind),
    ]


def _ways_on(kind: Kind) -> list[Component]:
    if kind is Kind.WORKSPACE_UNKNOWN:
        return [draw.secondary("trouble.start", "Try again")]
    if kind in _START_AGAIN:
        return [draw.secondary("trouble.start", "Start again")]
    return [
        draw.secondary("trouble.retry", "Try again"),
        draw.gap(),
        draw.link("trouble.back", "Back"),
    ]
