"""All that is known of one message, and what can be done about it."""

from collections.abc import Sequence

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.deciding import offered_on
from canvas_gateway.domain.history import MAY_BE_SENT, RESENDABLE, SENT, Entry, Message
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.screens.deciding import MARKED_SENT, choices
from canvas_gateway.screens.outcome import MAY_ARRIVE_TWICE, REPEATS, RESEND
from canvas_gateway.screens.phrases import NAME, opened, removed, requester, tried_until
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status

_TIMELINE = 20
"""Lines of the timeline that are shown, the last ones."""

_OPENING = "Not open yet"

_SOURCES = {
    "gateway": "the panel",
    "dispatcher": "our sender",
    "receipt": "the provider",
    "person": "a teammate",
    "sweep": "our check",
    "service": "a service",
    "customer": "the customer",
}


def details(
    message: Message, channel_name: str | None, calendar: Calendar, region: str, remarks: Sequence[str] = ()
) -> list[Component]:
    """
    One message, below the remarks on what was clicked.

    `channel_name` is None where the channel is not known any more.
    """
    return [
        draw.header("Sent message"),
        *(draw.paragraph(remark) for remark in remarks),
        draw.table(_facts(message, channel_name, calendar)),
        draw.muted(_meaning(message, calendar)),
        *([draw.paragraph(f"“{one_line(message.text, 500)}”")] if message.text else []),
        *([draw.muted(gone)] if (gone := removed(message, calendar)) else []),
        *opened("details", message.workspace_id, region, message.opened_conversation_ids, message.open_failure),
        *_timeline(message, calendar),
        *_actions(message),
        draw.gap(),
        draw.link("details.back", "Back"),
    ]


def _facts(message: Message, channel_name: str | None, calendar: Calendar) -> list[tuple[str, str]]:
    channel = [message.channel.label, *([one_line(channel_name, NAME)] if channel_name else [])]
    name = one_line(message.contact.name or "", NAME) if message.contact else ""
    return [
        ("Status", message.status.label),
        ("Since", calendar.full(message.status_at)),
        ("Channel", " · ".join(channel)),
        *([("Recipient", name)] if name else []),
        *([("Number", one_line(message.recipient, 60))] if message.recipient else []),
        ("Sent by", requester(message.requested_by)),
        ("Time", calendar.full(message.requested_at)),
        *([("New conversation", _OPENING)] if _is_opening(message) else []),
    ]


def _is_opening(message: Message) -> bool:
    wanted = message.open_new and message.status in SENT
    return wanted and not message.opened_conversation_ids and message.open_failure is None


def _meaning(message: Message, calendar: Calendar) -> str:
    if message.marked_sent:
        return MARKED_SENT
    if message.status is Status.WAITING:
        why = message.reason.why if message.reason else message.status.meaning
        return f"{tried_until(message.not_after, calendar)} {why}"
    if message.reason is not None and message.status in RESENDABLE:
        meaning, advice = message.reason.why, message.reason.advice
    else:
        meaning, advice = message.status.meaning, message.status.advice
    return f"{meaning} {_why_not_resendable(message) or advice}"


def _why_not_resendable(message: Message) -> str | None:
    """What can be done instead, where what was not sent cannot be re-sent from here."""
    if message.status not in RESENDABLE or message.can_be_resent or message.reason is FailureReason.ALREADY_SENT:
        return None
    why = "Its text is not kept any more" if message.kind == "text" else "It was made from a template"
    first = "Ask the customer, then write" if message.status in MAY_BE_SENT else "Write"
    return f"{why}, so it cannot be re-sent here. {first} a new message if it is still needed."


def _timeline(message: Message, calendar: Calendar) -> list[Component]:
    if not message.timeline:
        return []
    shown = message.timeline[-_TIMELINE:]
    left_out = len(message.timeline) - len(shown)
    return [
        draw.header("Timeline"),
        *([draw.muted(f"{left_out} earlier entries are not shown.")] if left_out else []),
        *(draw.muted(f"{calendar.full(entry.at)} · {_line(entry)}") for entry in shown),
    ]


def _line(entry: Entry) -> str:
    if entry.event == "reply":
        return f"Reply: {one_line(entry.detail, 500) if entry.detail else 'something without text'}"
    what = entry.status.label if entry.status else one_line(entry.event.replace("_", " "), 40).capitalize()
    source = _SOURCES.get(entry.source, one_line(entry.source, 30))
    own_words = " ".join(one_line(part, 200) for part in (entry.provider_code, entry.detail) if part)
    other = "another version of it" if not entry.for_this_request else ""
    return " · ".join(part for part in (f"{what} ({source})", own_words, other) if part)


def _actions(message: Message) -> list[Component]:
    resend: list[Component] = []
    if message.can_be_resent:
        warning = [draw.muted(MAY_ARRIVE_TWICE)] if message.status in MAY_BE_SENT else []
        if not warning and message.resend_of:
            warning = [draw.muted(REPEATS)]
        resend = [*warning, draw.secondary("details.resend", RESEND)]
    return [
        draw.secondary("details.refresh", "Refresh status"),
        *resend,
        *choices("details", offered_on(message.status), message.status),
    ]
