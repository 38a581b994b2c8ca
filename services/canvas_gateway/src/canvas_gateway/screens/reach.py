"""The words on whether somebody can be reached through a channel, before anything is typed."""

from collections.abc import Iterator

from canvas_gateway.domain import reach as reaches
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.numbers import NumberKind
from canvas_gateway.domain.reach import Reach
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import Channel

READY = "Ready"
UNCHECKED = "Could not be checked just now"

_NUMBER = {
    NumberKind.LANDLINE: "Not a mobile number",
    NumberKind.OTHER: "Not a mobile number",
    NumberKind.INVALID: "The phone number is not valid: you can correct it on the next screen",
    NumberKind.MISSING: "No phone number yet: you can type it on the next screen",
}
_LANDLINE = "This is a landline: it cannot receive SMS."
_SHORT = {Channel.WHATSAPP: "WhatsApp", Channel.VIBER: "Viber"}


def remarks(kind: Channel, number: NumberKind, reach: Reach | None, calendar: Calendar) -> str:
    """
    Everything that speaks against sending, with what comes of it; else until when free text is taken, or Ready.

    Where nothing is known of the channel, that is said, never Ready.
    """
    found = [*_of_channel(kind, reach, calendar), *_of_number(kind, number)]
    if reach is not None and reach.opted_out is not None:
        refused = calendar.full(reach.opted_out.at)
        found.append(f"They opted out: a message was refused on {refused}, and the next will most likely be, too.")
    elif reach is not None and number not in {NumberKind.INVALID, NumberKind.MISSING}:
        found += _of_window(kind, reach, calendar)
    *others, last = found or [READY]
    return " ".join([*(f"{one.rstrip('.')}." for one in others), last])


def _of_channel(kind: Channel, reach: Reach | None, calendar: Calendar) -> Iterator[str]:
    if reach is None:
        yield f"{UNCHECKED}: {_SHORT[kind]} may refuse free text" if kind in _SHORT else UNCHECKED
        return
    since = f" since {calendar.short(reach.since)}" if reach.since else ""
    until = f" until {calendar.short(reach.until)}" if reach.until and reach.until > calendar.now else ""
    match reach.state:
        case reaches.PAUSED:
            yield f"Paused{since}: a message waits until your administrators resume it, and expires if that takes long."
        case reaches.BLOCKED:
            why = (reach.reason or FailureReason.CHANNEL_BLOCKED).why
            yield f"Blocked{since}. {why} Nothing can be sent{until}: tell your administrator."
        case reaches.FAILING:
            yield f"The provider has given no answers{since}: a message waits, and expires if that takes long."
        case reaches.HELD:
            yield f"The provider takes nothing{until}: a message waits for that."


def _of_number(kind: Channel, number: NumberKind) -> Iterator[str]:
    if number is NumberKind.LANDLINE and kind is Channel.SMS:
        yield _LANDLINE
    elif number in _NUMBER:
        yield _NUMBER[number]


def _of_window(kind: Channel, reach: Reach, calendar: Calendar) -> Iterator[str]:
    if kind not in _SHORT:
        return
    until = reach.window_open_until
    if until is None:
        yield f"We have not seen a message from them: {_SHORT[kind]} may refuse free text"
    elif until > calendar.now:
        yield f"Free text until {calendar.short(until)}"
    else:
        yield f"Free text was taken until {calendar.short(until)}: {_SHORT[kind]} may refuse it now"
